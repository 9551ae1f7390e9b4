/**
 * `docker rmi`: untag, and delete with the last name.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { ContainerRecord, ImageRecord, State } from "../state/mod.ts";
import { HOST } from "./host.ts";
import type { ImagesOptions, RemoveImageOptions } from "./images.ts";
import { familiarName, splitName } from "./name.ts";
import { findRecord, missing, resolveStored } from "./resolve.ts";
import { sweep } from "./sweep.ts";
import type { ImageRemoval } from "./types.ts";
import { isUnnamed } from "./unnamed.ts";

/**
 * Remove an image by name or ID, as Docker does.
 *
 * @throws {CtrError} `not_found`; `conflict` when a container uses the image, or an ID has names in
 * several repositories and `force` was not asked for.
 */
export async function removeImage(
  options: ImagesOptions,
  reference: string,
  how: RemoveImageOptions = {},
): Promise<readonly ImageRemoval[]> {
  const { state } = options;
  const removals = state.transaction(() => {
    const record = findRecord(state, reference);
    return record === undefined
      ? removeById(options, reference, how)
      : removeNames(state, reference, [record], how);
  });
  const { snapshots } = await sweep(options, { later: how.later });
  return [...removals, ...snapshots.map((deleted) => ({ deleted }))];
}

function removeById(
  { state, snapshotter }: ImagesOptions,
  reference: string,
  how: RemoveImageOptions,
): ImageRemoval[] {
  const found = resolveStored(state, reference, undefined, snapshotter.name);
  if (found === undefined) throw missing(state, reference, undefined);
  const records = namesOf(state, found.image.id);
  const repositories = new Set(records.map(({ name }) => splitName(name).repository));
  if (repositories.size > 1 && how.force !== true) {
    throw conflict(
      reference,
      "image is referenced in multiple repositories",
      "remove it by name, or use --force",
    );
  }
  return removeNames(state, reference, records, how);
}

/** Untag names, which must be those of what is to go. In a transaction. */
export function removeNames(
  state: State,
  reference: string,
  records: readonly ImageRecord[],
  how: RemoveImageOptions,
): ImageRemoval[] {
  const targets = new Set(records.map(({ target }) => target.digest));
  const ids = new Set([...targets].flatMap((t) => state.images.variants(t).map(({ id }) => id)));
  const going = new Set(records.map(({ name }) => name));
  const last = [...ids].filter((id) => namesOf(state, id).every(({ name }) => going.has(name)));
  for (const id of last) {
    for (const container of state.containers.ofImage(id)) {
      refuseUsed(reference, id, container, how);
    }
  }
  const removals: ImageRemoval[] = [];
  for (const { name, target } of records) {
    state.images.remove(name);
    if (!name.includes("@")) removals.push({ untagged: familiarName(name) });
    const { repository } = splitName(name);
    const sameRepository = state.images.named(target.digest)
      .some((other) => splitName(other.name).repository === repository);
    if (name !== HOST && !isUnnamed(name) && !sameRepository) {
      removals.push({ untagged: `${familiarName(repository)}@${target.digest}` });
    }
  }
  for (const target of targets) {
    if (state.images.named(target).length === 0) state.images.removeVariants(target);
  }
  return [...removals, ...last.map((deleted) => ({ deleted }))];
}

function refuseUsed(
  reference: string,
  id: string,
  container: ContainerRecord,
  how: RemoveImageOptions,
): void {
  const shortContainer = container.id.slice(0, 12);
  const shortId = id.slice(7, 19);
  if (how.isRunning?.(container.id) === true) {
    throw conflict(
      reference,
      `image ${shortId} is being used by running container ${shortContainer}`,
      "stop the container first; --force does not change this",
    );
  }
  if (how.force !== true) {
    throw conflict(
      reference,
      `container ${shortContainer} is using its referenced image ${shortId}`,
      "remove the container first, or use --force",
    );
  }
}

function namesOf(state: State, id: string): ImageRecord[] {
  return state.images.variantsById(id).flatMap(({ target }) => state.images.named(target))
    .filter((record, index, all) => all.findIndex(({ name }) => name === record.name) === index);
}

function conflict(subject: string, reason: string, hint: string): CtrError {
  return new CtrError({ code: "conflict", operation: "remove image", subject, reason, hint });
}
