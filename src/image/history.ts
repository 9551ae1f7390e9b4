/**
 * `docker history`: the steps that an image was made in, and what each added.
 *
 * @module
 */

import { chainIds } from "./chain.ts";
import { sourcesOf } from "./default_sources.ts";
import { readDocuments } from "./documents.ts";
import type { ImagesOptions } from "./images.ts";
import { storedOnAny } from "./inspect.ts";
import { missing } from "./resolve.ts";
import type { Image } from "./types.ts";

/** A step of an image, or a layer that no step is known of. */
export interface HistoryStep {
  /** The image ID, of the last step only. */
  readonly id: string | undefined;
  /** Milliseconds since the epoch; 0 when it is not said. */
  readonly createdAt: number;
  readonly createdBy: string;
  readonly comment: string;
  /** Bytes that its layer has unpacked, or stored where it is not unpacked. */
  readonly size: number;
}

/** The steps of an image, the last one first. @throws {CtrError} `not_found` */
export async function imageHistory(
  options: ImagesOptions,
  reference: string,
  platform?: string,
): Promise<readonly HistoryStep[]> {
  const image = storedOnAny(options, reference, platform);
  if (image === undefined) throw missing(options.state, reference, platform);
  const sizes = await layerSizes(options, image);
  const steps: HistoryStep[] = [];
  for (const { created, created_by, comment, empty_layer } of image.config.history ?? []) {
    const createdAt = Date.parse(created ?? "");
    steps.push({
      id: undefined,
      createdAt: Number.isNaN(createdAt) ? 0 : createdAt,
      createdBy: created_by ?? "",
      comment: comment ?? "",
      size: empty_layer === true ? 0 : sizes.shift() ?? 0,
    });
  }
  for (const size of sizes) {
    steps.push({ id: undefined, createdAt: 0, createdBy: "", comment: "", size });
  }
  return steps.reverse().map((step, at) => at === 0 ? { ...step, id: image.id } : step);
}

/** Bottom first. */
async function layerSizes(options: ImagesOptions, image: Image): Promise<number[]> {
  const table = options.state.snapshots(options.snapshotter.name);
  const rows = chainIds(image.config.rootfs.diff_ids ?? []).map((id) => table.get(id));
  if (rows.every((row) => row?.kind === "committed")) return rows.map((row) => row!.bytes);
  const { blobs } = await sourcesOf(options);
  const target = { mediaType: "", digest: image.manifest, size: 0 };
  const { layers } = await readDocuments(target, image.platform, (each) => blobs.read(each.digest));
  return layers.map(({ size }) => size);
}
