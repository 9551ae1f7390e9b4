/**
 * All images, as `docker images` groups them: by what runs here.
 *
 * @module
 */

import { SNAPSHOTTERS } from "../snapshot/mod.ts";
import type { ImageRecord, ImageVariant, State } from "../state/mod.ts";
import { HOST } from "./host.ts";
import type { ImagesOptions } from "./images.ts";
import { familiarName, splitName } from "./name.ts";
import type { ImageConfig, ImagePlatform, ImageSummary } from "./types.ts";
import { isUnnamed } from "./unnamed.ts";
import { THIS_PLATFORM } from "./variant.ts";

interface Group {
  readonly variants: readonly ImageVariant[];
  readonly records: ImageRecord[];
}

/**
 * One entry per image ID, newest first. A name that means an image on several platforms is one entry,
 * of this machine's platform where it is among them. A few queries, whatever the number of images.
 */
export function listImages({ state, snapshotter }: ImagesOptions): readonly ImageSummary[] {
  const variants = Map.groupBy(state.images.variants(), ({ target }) => target);
  const groups = new Map<string, Group>();
  for (const record of state.images.list()) {
    const here = variants.get(record.target.digest)?.sort(preferred) ?? [];
    const id = here[0]?.id;
    if (id === undefined) continue;
    const group = groups.get(id);
    if (group === undefined) groups.set(id, { variants: here, records: [record] });
    else {
      group.records.push(record);
      // The same image by itself and in an index: the one with more platforms tells more.
      if (here.length > group.variants.length) groups.set(id, { ...group, variants: here });
    }
  }
  const measure = measurer(state, snapshotter.name);
  return [...groups.values()].map((group) => summary(group, measure))
    .sort((a, b) => b.createdAt - a.createdAt);
}

/** This machine's platform first, then by name. */
function preferred(a: ImageVariant, b: ImageVariant): number {
  return Number(b.platform === THIS_PLATFORM) - Number(a.platform === THIS_PLATFORM) ||
    (a.platform < b.platform ? -1 : 1);
}

function summary(
  { variants, records }: Group,
  measure: (variants: readonly ImageVariant[]) => number,
): ImageSummary {
  const [variant] = variants as [ImageVariant];
  const config = JSON.parse(variant.config) as ImageConfig;
  const names = records.map(({ name }) => name);
  const created = Date.parse(config.created ?? "");
  const platforms = variants.map((each): ImagePlatform => ({
    platform: each.platform,
    id: each.id,
    manifest: each.manifest,
    size: measure([each]),
    contentSize: each.size,
  }));
  return {
    id: variant.id,
    names,
    repoTags: names.filter((name) => !name.includes("@")).map(familiarName).sort(),
    repoDigests: [
      ...new Set(
        records.filter(({ name }) => name !== HOST && !isUnnamed(name))
          .map(({ name, target }) =>
            `${familiarName(splitName(name).repository)}@${target.digest}`
          ),
      ),
    ].sort(),
    target: variant.target,
    platform: variant.platform,
    platforms,
    createdAt: Number.isNaN(created) ? 0 : created,
    size: platforms.length === 1 ? platforms[0]!.size : measure(variants),
    contentSize: variants.reduce((sum, { size }) => sum + size, 0),
    labels: config.config?.Labels ?? {},
  };
}

/** Bytes on disk: of unpacked layers, each once, or of the stored ones where they are not unpacked. */
function measurer(
  state: State,
  snapshotter: string,
): (variants: readonly ImageVariant[]) => number {
  // The one in use comes last: it counts where several have an image.
  const names = [...SNAPSHOTTERS.filter((name) => name !== snapshotter), snapshotter];
  const rows = names.flatMap((name) => state.snapshots(name).list());
  const byName = new Map(rows.map((row) => [row.name, row]));
  const byNumber = new Map(rows.map((row) => [row.number, row]));
  return (variants) => {
    const counted = new Set<number>();
    let bytes = 0;
    for (const { chainId, size } of variants) {
      if (chainId === "") continue;
      let row = byName.get(chainId);
      if (row === undefined) bytes += size;
      while (row !== undefined && !counted.has(row.number)) {
        counted.add(row.number);
        bytes += row.bytes;
        row = row.parent === undefined ? undefined : byNumber.get(row.parent);
      }
    }
    return bytes;
  };
}
