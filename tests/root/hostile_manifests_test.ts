/**
 * Manifests, indexes and configurations that were written to hurt who pulls them. Each ends in an
 * error that says what is wrong, and leaves nothing in the store.
 *
 * @module
 */

import { test } from "node:test";
import { type Expected, pullFails, withHostile } from "../fixtures/hostile_registry.ts";
import type { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root", "overlayfs");
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const GZIP = `sha256:${"9".repeat(64)}`;

type Json = Record<string, unknown>;
type Make = (source: FakeRegistry) => unknown;

/** An honest manifest, to be spoiled. */
function honest(source: FakeRegistry): Json {
  const { digest } = source.image([[{ path: "f", data: "x" }]]);
  return JSON.parse(new TextDecoder().decode(source.blobs.get(digest)));
}

/** An honest manifest with something else. */
const but = (more: (manifest: Json) => Json): Make => (source) => {
  const manifest = honest(source);
  return { ...manifest, ...more(manifest) };
};
const oneLayer = (more: Json): Make =>
  but(({ layers }) => ({ layers: [{ ...(layers as Json[])[0], ...more }] }));
const configOf = (spoil: (config: Json) => unknown): Make => (source) => {
  const manifest = honest(source);
  const { digest } = manifest["config"] as { digest: string };
  const config = JSON.parse(new TextDecoder().decode(source.blobs.get(digest)));
  const spoiled = spoil(config);
  const text = typeof spoiled === "string" ? spoiled : JSON.stringify(spoiled);
  return { ...manifest, config: source.put(CONFIG, text) };
};
const nested = (depth: number): Make => (source) => {
  let at: Json = { ...source.image([[{ path: "f" }]]) };
  for (let level = 0; level < depth; level++) {
    const platform = { os: "linux", architecture: "amd64" };
    const manifests = [{ ...at, platform }];
    const index = { schemaVersion: 2, mediaType: INDEX, manifests };
    if (level === depth - 1) return index;
    at = { ...source.put(INDEX, JSON.stringify(index)) };
  }
};
const wrong = (message: RegExp): Expected => ({ code: "data_loss", message });
const other = (message: RegExp): Expected => ({ code: "not_implemented", message });

const CASES: Readonly<Record<string, [Make, Expected]>> = {
  "CVE-2024-3727: the digest of a layer is a path": [
    oneLayer({ digest: "sha256:../../../../../etc/passwd" }),
    wrong(/"sha256:\.\.\/\.\..*" is not a digest/),
  ],
  "CVE-2014-9358: the digest of a configuration is a path": [
    but(({ config }) => ({ config: { ...config as Json, digest: "../../../tmp/x" } })),
    wrong(/is not a digest/),
  ],
  "CVE-2024-3727: a digest has another repository in it": [
    oneLayer({ digest: "sha256:x/../../../other/manifests/latest?" }),
    wrong(/is not a digest/),
  ],
  "a digest of an algorithm that is none": [
    oneLayer({ digest: `md5:${"0".repeat(32)}` }),
    wrong(/is not a digest/),
  ],
  "a digest in capitals": [
    oneLayer({ digest: `sha256:${"A".repeat(64)}` }),
    wrong(/is not a digest/),
  ],
  "a size below zero": [oneLayer({ size: -1 }), wrong(/the size of sha256:.* is -1/)],
  "a size beyond all numbers": [oneLayer({ size: 2 ** 60 }), wrong(/the size of sha256:/)],
  "half a byte": [oneLayer({ size: 10.5 }), wrong(/the size of sha256:/)],
  "a size in words": [oneLayer({ size: "10" }), wrong(/the size of sha256:/)],
  "no media type": [oneLayer({ mediaType: undefined }), wrong(/the media type of/)],
  "CVE-2021-21285: layers that are nothing": [but(() => ({ layers: null })), wrong(/layers are/)],
  "CVE-2021-21285: a layer that is nothing": [
    but(() => ({ layers: [null] })),
    wrong(/a descriptor is not an object/),
  ],
  "CVE-2021-21285: a configuration that is nothing": [
    but(() => ({ config: null })),
    wrong(/a descriptor is not an object/),
  ],
  "more layers than can be stacked": [
    but(({ layers }) => ({ layers: Array(501).fill((layers as Json[])[0]) })),
    wrong(/501 layers, at most 500/),
  ],
  "layers that the configuration does not know": [
    but(({ layers }) => ({ layers: [...layers as Json[], ...layers as Json[]] })),
    wrong(/lists 1 layers and the manifest 2/),
  ],
  "CVE-2021-41190: an index and a manifest in one": [
    but(() => ({ manifests: [] })),
    wrong(/both an index and a manifest/),
  ],
  "CVE-2021-41190: a manifest that says it is an index": [
    but(() => ({ mediaType: INDEX })),
    wrong(/it is fetched as|its content is not that of/),
  ],
  "indexes in indexes": [nested(6), wrong(/nested too deeply/)],
  "ten thousand manifests, and one more": [
    () => ({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: Array(10_001).fill({ mediaType: MANIFEST, digest: GZIP, size: 1 }),
    }),
    wrong(/10001 manifests, at most 10000/),
  ],
  "a manifest that is longer than its index says": [
    (source) => {
      const platform = { os: "linux", architecture: "amd64" };
      const manifests = [{ ...source.image([[{ path: "f" }]]), size: 7, platform }];
      return { schemaVersion: 2, mediaType: INDEX, manifests };
    },
    wrong(/it has \d+ bytes, not 7/),
  ],
  "a configuration that fills the memory": [
    but(({ config }) => ({ config: { ...config as Json, size: 20_000_000_000 } })),
    wrong(/20000000000 bytes are too many for a document/),
  ],
  "a configuration with a diffID that is a path": [
    configOf((config) => ({ ...config, rootfs: { type: "layers", diff_ids: ["../../x"] } })),
    wrong(/is not the digest of a layer/),
  ],
  "a configuration that lies of its layers": [
    configOf((config) => ({ ...config, rootfs: { type: "layers", diff_ids: [GZIP] } })),
    wrong(/its uncompressed digest is sha256:/),
  ],
  "an environment that is a number": [
    configOf((config) => ({ ...config, config: { Env: 5 } })),
    wrong(/its Env is 5/),
  ],
  "a variable with the end of a string in it": [
    configOf((config) => ({ ...config, config: { Env: ["A=b\0LD_PRELOAD=/x"] } })),
    wrong(/its Env has a NUL/),
  ],
  "a command of objects": [
    configOf((config) => ({ ...config, config: { Cmd: [{}] } })),
    wrong(/its Cmd is/),
  ],
  "a configuration deeper than any stack": [
    configOf(() => `{"rootfs":${"[".repeat(2_000_000)}`),
    wrong(/it is not JSON/),
  ],
  "a configuration that is not UTF-8": [
    (source) => {
      const config = source.put(CONFIG, Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d));
      return { ...honest(source), config };
    },
    wrong(/it is not JSON/),
  ],
  "schema 1, which has no digests of what it names": [
    () => ({ schemaVersion: 1, name: "app", tag: "latest", fsLayers: [{ blobSum: GZIP }] }),
    other(/a manifest of schema 1/),
  ],
  "a chart": [
    (source) => ({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: source.put("application/vnd.cncf.helm.config.v1+json", "{}"),
      layers: [source.put("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "x")],
    }),
    other(/not that of a container image/),
  ],
  "a layer that is no layer": [
    (source) => {
      const config = source.put(
        CONFIG,
        JSON.stringify({
          architecture: "amd64",
          os: "linux",
          rootfs: { type: "layers", diff_ids: [source.put(LAYER, "junk").digest] },
        }),
      );
      const layers = [source.put(LAYER, "junk")];
      return { schemaVersion: 2, mediaType: MANIFEST, config, layers };
    },
    wrong(/layer|tar|archive/),
  ],
};

for (const [what, [make, expected]] of Object.entries(CASES)) {
  test(`hostile manifest: ${what}`, NEEDS, () =>
    withHostile(() => undefined, async (hostile) => {
      const made = make(hostile.source) as { mediaType?: string };
      const descriptor = hostile.source.put(MANIFEST, JSON.stringify(made));
      const mediaType = made.mediaType === INDEX ? INDEX : MANIFEST;
      hostile.source.names.set("latest", { ...descriptor, mediaType });
      await pullFails(hostile, expected);
    }));
}
