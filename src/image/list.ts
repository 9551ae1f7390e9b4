/**
 * All images, as `docker images` groups them.
 *
 * @module
 */

import type { ImageRecord, ImageVariant, State } from "../state/mod.ts";
import { HOST } from "./host.ts";
import type { ImagesOptions } from "./images.ts";
import { familiarName, splitName } from "./name.ts";
import type { ImageConfig, ImageSummary } from "./types.ts";
import { isUnnamed } from "./unnamed.ts";

/** One entry per image ID, newest first. */
export function listImages({ state, snapshotter }: ImagesOptions): readonly ImageSummary[] {
  const groups = new Map<string, { variant: ImageVariant; records: ImageRecord[] }>();
  for (const record of state.images.list()) {
    for (const variant of state.images.variants(record.target.digest)) {
      const group = groups.get(variant.id);
      if (group === undefined) groups.set(variant.id, { variant, records: [record] });
      else if (!group.records.some(({ name }) => name === record.name)) group.records.push(record);
    }
  }
  return [...groups.values()]
    .map(({ variant, records }) =>
      summary(variant, records, unpackedSize(state, snapshotter.name, variant))
    )
    .sort((a, b) => b.createdAt - a.createdAt);
}

function summary(
  variant: ImageVariant,
  records: readonly ImageRecord[],
  unpacked: number | undefined,
): ImageSummary {
  const config = JSON.parse(variant.config) as ImageConfig;
  const names = records.map(({ name }) => name);
  const created = Date.parse(config.created ?? "");
  return {
    id: variant.id,
    names,
    repoTags: names.filter((name) => !name.includes("@")).map(familiarName),
    repoDigests: [
      ...new Set(
        records.filter(({ name }) => name !== HOST && !isUnnamed(name))
          .map(({ name, target }) =>
            `${familiarName(splitName(name).repository)}@${target.digest}`
          ),
      ),
    ],
    target: variant.target,
    platform: variant.platform,
    createdAt: Number.isNaN(created) ? 0 : created,
    size: unpacked ?? variant.size,
    labels: config.config?.Labels ?? {},
  };
}

function unpackedSize(
  state: State,
  snapshotter: string,
  variant: ImageVariant,
): number | undefined {
  if (variant.chainId === "") return 0;
  const chain = state.snapshots(snapshotter).chain(variant.chainId);
  return chain.length === 0 ? undefined : chain.reduce((sum, { bytes }) => sum + bytes, 0);
}
