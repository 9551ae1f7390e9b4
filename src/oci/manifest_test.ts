import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "../../tests/fixtures/random.ts";
import { parseManifest } from "./manifest.ts";
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  isForeignLayerType,
  isLayerType,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
} from "./media_types.ts";

const digest = (n: number): string => `sha256:${String(n).padStart(64, "0")}`;
const at = (n: number, mediaType: string, more: object = {}) => ({
  mediaType,
  digest: digest(n),
  size: 10,
  ...more,
});
const manifest = {
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  config: at(1, OCI_CONFIG),
  layers: [at(2, `${OCI_LAYER}+gzip`), at(3, OCI_LAYER)],
};
const index = {
  schemaVersion: 2,
  mediaType: OCI_INDEX,
  manifests: [
    at(4, OCI_MANIFEST, { platform: { os: "linux", architecture: "arm", variant: "v7" } }),
  ],
};

function parse(document: unknown, mediaType = "") {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  return parseManifest(new TextEncoder().encode(text), { digest: digest(9), mediaType });
}

test("parseManifest() reads manifests and indexes of OCI and Docker", () => {
  const read = parse(manifest, OCI_MANIFEST);
  assert.ok(read.kind === "manifest");
  assert.equal(read.config.digest, digest(1));
  assert.deepEqual(read.layers.map(({ digest }) => digest), [digest(2), digest(3)]);
  const list = parse({ ...index, mediaType: DOCKER_LIST }, DOCKER_LIST);
  assert.ok(list.kind === "index");
  assert.deepEqual(list.manifests[0]!.platform, {
    os: "linux",
    architecture: "arm",
    variant: "v7",
  });
  assert.equal(parse({ ...manifest, mediaType: DOCKER_MANIFEST }).mediaType, DOCKER_MANIFEST);
});

test("parseManifest() needs no mediaType where the content is clear", () => {
  const { mediaType: _, ...bare } = manifest;
  assert.equal(parse(bare).mediaType, OCI_MANIFEST);
  assert.equal(parse(bare, "application/json").mediaType, OCI_MANIFEST);
  assert.equal(parse(bare, DOCKER_MANIFEST).mediaType, DOCKER_MANIFEST);
  assert.equal(parse({ manifests: [] }).kind, "index");
});

test("parseManifest() refuses what could be read in two ways (CVE-2021-41190)", () => {
  const cases: [unknown, string?][] = [
    [{ ...manifest, manifests: [] }, OCI_MANIFEST],
    [{ ...index, layers: [] }, OCI_INDEX],
    [{ ...index, config: at(1, OCI_CONFIG) }, OCI_INDEX],
    [manifest, OCI_INDEX],
    [index, OCI_MANIFEST],
    [manifest, DOCKER_MANIFEST],
    [{ ...manifest, mediaType: undefined }, OCI_INDEX],
    [{ ...index, mediaType: undefined }, OCI_MANIFEST],
    [{ ...manifest, mediaType: OCI_INDEX }],
    [{ ...index, mediaType: OCI_MANIFEST }],
    [{ ...manifest, fsLayers: [] }],
    [{ ...manifest, mediaType: 7 }],
  ];
  for (const [document, mediaType] of cases) {
    assert.throws(
      () => parse(document, mediaType),
      { code: "data_loss" },
      JSON.stringify(document),
    );
  }
});

test("parseManifest() refuses malformed documents and descriptors", () => {
  const bad = (more: object) => ({ ...manifest, layers: [at(2, OCI_LAYER, more)] });
  const cases: unknown[] = [
    "",
    "{",
    "[]",
    "null",
    '"x"',
    "\ufffe",
    { ...manifest, layers: {} },
    { ...manifest, layers: null },
    { ...manifest, layers: [null] },
    { ...manifest, config: undefined },
    { ...manifest, layers: Array(501).fill(at(2, OCI_LAYER)) },
    { ...index, manifests: "x" },
    bad({ digest: "sha256:../../etc/passwd" }),
    bad({ digest: `sha256:${"A".repeat(64)}` }),
    bad({ digest: `md5:${"0".repeat(32)}` }),
    bad({ digest: 5 }),
    bad({ size: -1 }),
    bad({ size: 1.5 }),
    bad({ size: 2 ** 60 }),
    bad({ size: "10" }),
    bad({ mediaType: undefined }),
    bad({ mediaType: "x".repeat(300) }),
  ];
  for (const document of cases) {
    assert.throws(() => parse(document), { code: "data_loss" }, JSON.stringify(document));
  }
  assert.throws(
    () => parseManifest(Uint8Array.of(0x7b, 0xff, 0x7d), { digest: digest(9), mediaType: "" }),
    { code: "data_loss" },
  );
});

test("parseManifest() says what is no container image", () => {
  const schema1 = { schemaVersion: 1, name: "x", tag: "y", fsLayers: [], history: [] };
  assert.throws(() => parse(schema1), { code: "not_implemented", message: /schema 1/ });
  const types = ["v1+json", "v1+prettyjws"];
  for (const type of types.map((each) => `application/vnd.docker.distribution.manifest.${each}`)) {
    assert.throws(() => parse({}, type), { code: "not_implemented", message: /schema 1/ });
  }
  assert.throws(() => parse({ ...manifest, layers: undefined }), { code: "not_implemented" });
  assert.throws(() => parse({ mediaType: "application/vnd.example+json" }), {
    code: "not_implemented",
    message: /vnd\.example/,
  });
});

test("parseManifest() passes nothing on that it did not check", () => {
  const odd = at(2, OCI_LAYER, {
    annotations: { a: 1 },
    platform: { os: 3, architecture: {} },
    urls: "http://x",
    data: "AAAA",
    __proto__: { polluted: true },
  });
  const read = parse({ ...manifest, layers: [odd], annotations: [] });
  assert.ok(read.kind === "manifest");
  assert.deepEqual(read.layers, [{ mediaType: OCI_LAYER, digest: digest(2), size: 10 }]);
  assert.equal(read.annotations, undefined);
});

test("isLayerType() knows layers from other things", () => {
  for (
    const type of [
      OCI_LAYER,
      `${OCI_LAYER}+gzip`,
      `${OCI_LAYER}+zstd`,
      "application/vnd.docker.image.rootfs.diff.tar",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "application/vnd.docker.image.rootfs.diff.tar.zstd",
    ]
  ) {
    assert.equal(isLayerType(type), true, type);
    assert.equal(isForeignLayerType(type), false, type);
  }
  const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  assert.ok(isLayerType(foreign) && isForeignLayerType(foreign));
  for (const type of [OCI_CONFIG, "application/vnd.in-toto+json", `${OCI_LAYER}+xz`, ""]) {
    assert.equal(isLayerType(type), false, type);
  }
});

test("parseManifest() of damaged documents throws our errors only (seeded)", () => {
  const { int, pick } = random(41_190);
  const junk = [null, 0, -1, 1e300, "", "x", [], {}, true, [null], { digest: 1 }, "sha256:"];
  for (let round = 0; round < 5_000; round++) {
    const document = structuredClone(pick([manifest, index])) as unknown as Record<string, unknown>;
    for (let edits = int(4); edits >= 0; edits--) {
      damage(document, int, () => structuredClone(pick(junk)));
    }
    let text = JSON.stringify(document);
    if (int(4) === 0) text = text.slice(0, int(text.length));
    try {
      const read = parse(text, pick(["", OCI_MANIFEST, OCI_INDEX, DOCKER_LIST]));
      const all = read.kind === "index" ? read.manifests : [read.config, ...read.layers];
      for (const { digest, size } of all) {
        assert.match(digest, /^sha256:[0-9a-f]{64}$/);
        assert.ok(Number.isSafeInteger(size) && size >= 0);
      }
    } catch (error) {
      const { code } = error as { code?: string };
      assert.ok(code === "data_loss" || code === "not_implemented", `${error}: ${text}`);
    }
  }
});

/** Replace a value anywhere in a document. */
function damage(at: object, int: (below: number) => number, junk: () => unknown): void {
  const entries = Object.entries(at);
  if (entries.length === 0) return;
  const [key, value] = entries[int(entries.length)]!;
  if (typeof value === "object" && value !== null && int(3) > 0) damage(value, int, junk);
  else (at as Record<string, unknown>)[key] = junk();
}
