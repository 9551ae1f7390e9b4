import assert from "node:assert/strict";
import { test } from "node:test";
import { chainIds } from "./chain_ids.ts";
import { isDigest, parseDigest, shortId } from "./digest.ts";
import { parseImageConfig, platformOf } from "./image_config.ts";
import { formatPlatform } from "./platform.ts";

const DIFF = `sha256:${"7".repeat(64)}`;
const ID = `sha256:${"9".repeat(64)}`;
const config = {
  architecture: "arm64",
  os: "linux",
  variant: "v8",
  created: "2024-01-02T03:04:05Z",
  config: { Env: ["A=b"], Cmd: ["sh"], Labels: { a: "b" }, Volumes: { "/data": {} }, User: "1" },
  rootfs: { type: "layers", diff_ids: [DIFF] },
  history: [{ created_by: "test" }],
};

function parse(document: unknown) {
  return parseImageConfig(new TextEncoder().encode(JSON.stringify(document)), ID);
}

test("parseImageConfig() reads a configuration and keeps what it does not know", () => {
  const read = parse({ ...config, "moby.buildkit": "x" });
  assert.deepEqual(read.config?.Env, ["A=b"]);
  assert.deepEqual(read.rootfs.diff_ids, [DIFF]);
  assert.equal((read as unknown as Record<string, unknown>)["moby.buildkit"], "x");
  assert.equal(formatPlatform(platformOf(read)), "linux/arm64");
});

test("parseImageConfig() fills in what images leave out", () => {
  const bare = parse({ rootfs: {}, config: null, history: null });
  assert.deepEqual([bare.os, bare.config, bare.rootfs.diff_ids, bare.history], [
    "linux",
    {},
    [],
    [],
  ]);
  const nulls = parse({ ...config, variant: null, config: { Env: null, Cmd: null, Labels: null } });
  assert.equal(formatPlatform(platformOf(nulls)), "linux/arm64");
});

test("parseImageConfig() refuses members of another type", () => {
  const run = (more: object) => ({ ...config, config: { ...config.config, ...more } });
  const cases: unknown[] = [
    { ...config, rootfs: { diff_ids: ["x"] } },
    { ...config, rootfs: { diff_ids: DIFF } },
    { ...config, rootfs: { diff_ids: [null] } },
    { ...config, architecture: 1 },
    { ...config, os: {} },
    { ...config, config: [] },
    { ...config, history: {} },
    { ...config, history: [1] },
    run({ Env: "A=b" }),
    run({ Env: [1] }),
    run({ Env: ["A=b\0C=d"] }),
    run({ Cmd: {} }),
    run({ Entrypoint: [["sh"]] }),
    run({ User: 0 }),
    run({ User: "root\0" }),
    run({ WorkingDir: ["/"] }),
    run({ Labels: { a: 1 } }),
    run({ Labels: [] }),
    run({ Volumes: ["/data"] }),
    run({ ExposedPorts: "80/tcp" }),
    run({ StopSignal: 9 }),
  ];
  for (const document of cases) {
    assert.throws(() => parse(document), { code: "data_loss" }, JSON.stringify(document));
  }
  for (const other of [{ helm: true }, { rootfs: null }, { rootfs: [] }]) {
    assert.throws(() => parse(other), { code: "not_implemented" }, JSON.stringify(other));
  }
});

test("chainIds() names each layer with those below", () => {
  assert.deepEqual(chainIds([], String), []);
  assert.deepEqual(chainIds(["a", "b", "c"], (text) => `<${text}>`), ["a", "<a b>", "<<a b> c>"]);
});

test("parseDigest() takes sha256 and sha512", () => {
  assert.deepEqual(parseDigest(DIFF), { algorithm: "sha256", hex: "7".repeat(64) });
  assert.equal(parseDigest(`sha512:${"0".repeat(128)}`).algorithm, "sha512");
  assert.equal(shortId(DIFF), "7".repeat(12));
  for (const text of ["", "sha256:", `sha256:${"g".repeat(64)}`, `sha256:${"A".repeat(64)}`, "x"]) {
    assert.equal(isDigest(text), false, text);
    assert.throws(() => parseDigest(text), { code: "invalid_argument" }, text);
  }
  assert.throws(() => parseDigest(`sha384:${"0".repeat(96)}`), { code: "not_implemented" });
  assert.equal(isDigest(undefined), false);
});
