/**
 * Puts the built-in image `host` into the store, like an image that was pulled: a layer blob that
 * describes it, a configuration, a manifest, a record.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { type Lease, lock } from "../state/mod.ts";
import { sourcesOf } from "./default_sources.ts";
import { HOST, HOST_STAMP, storedHost } from "./host.ts";
import { buildHostTree } from "./host_build.ts";
import type { ImagesOptions } from "./images.ts";
import { writeLayoutIndex } from "./layout_index.ts";
import { leased } from "./lease.ts";
import { sweep } from "./sweep.ts";
import type { Image, ImageConfig } from "./types.ts";
import { normalizePlatform, THIS_PLATFORM, toImage } from "./variant.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.ctr.host.layer.v1+json";

/**
 * The image `host`, made now if it is missing or the host changed.
 *
 * @throws {CtrError} `not_found` for another platform than this machine's.
 */
export async function hostImage(
  options: ImagesOptions,
  platformText: string | undefined,
): Promise<Image> {
  const { state, snapshotter } = options;
  const platform = normalizePlatform(platformText);
  if (platform !== THIS_PLATFORM) {
    throw new CtrError({
      code: "not_found",
      operation: "use image",
      subject: "host",
      reason: `it is this machine, ${THIS_PLATFORM}, not ${platform}`,
    });
  }
  using _made = await lock(state.dirs, "host-image");
  const found = storedHost(state, platform, snapshotter.name);
  if (found?.unpacked === true) return found.image;
  const before = state.images.get(HOST);
  const image = await leased(options, "host", (lease) => make(options, platform, lease));
  // What showed the host as it was goes, unless a container is on it.
  if (before !== undefined) await sweep(options, { keepInterrupted: true });
  return image;
}

async function make(options: ImagesOptions, platform: string, lease: Lease): Promise<Image> {
  const { state, snapshotter } = options;
  const { chainId, layer, stamp } = await buildHostTree(
    snapshotter,
    (name) => lease.hold("snapshot", [`${snapshotter.name}/${name}`]),
  );
  const sources = await sourcesOf(options, lease);
  const { blobs } = sources;
  const put = async (mediaType: string, bytes: Uint8Array) => ({
    mediaType,
    digest: await blobs.write(bytes),
    size: bytes.length,
  });
  const layerDescriptor = await put(LAYER, layer);
  const configText = JSON.stringify(configuration(chainId, new Date().toISOString()));
  const config = await put(CONFIG, encode(configText));
  const manifest = await put(
    MANIFEST,
    encode(JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config,
      layers: [layerDescriptor],
    })),
  );
  const variant = {
    target: manifest.digest,
    platform,
    manifest: manifest.digest,
    id: config.digest,
    chainId,
    size: config.size + layer.length,
    config: configText,
  };
  const now = Date.now();
  const before = state.images.get(HOST);
  state.transaction(() => {
    state.images.putVariant(variant);
    state.images.put({
      name: HOST,
      target: manifest,
      labels: { [HOST_STAMP]: stamp },
      createdAt: now,
      updatedAt: now,
    });
    if (before !== undefined && before.target.digest !== manifest.digest) {
      state.images.removeVariants(before.target.digest);
    }
  });
  await writeLayoutIndex(state, sources);
  return toImage(HOST, variant);
}

function configuration(diffId: string, created: string): ImageConfig {
  return {
    created,
    architecture: THIS_PLATFORM.split("/")[1]!,
    os: "linux",
    config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      Cmd: ["/bin/sh"],
      WorkingDir: "/",
      Labels: { "ctr.builtin": "host" },
    },
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created, created_by: "ctr", comment: "this machine's /usr with a generated /etc" }],
  };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
