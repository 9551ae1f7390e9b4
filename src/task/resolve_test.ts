import assert from "node:assert/strict";
import { test } from "node:test";
import type { Image } from "../image/mod.ts";
import { containerConfig, environment, hostConfig } from "./resolve.ts";
import type { ContainerOptions } from "./types.ts";

const ID = "0123456789abcdef".repeat(4);

function image(config: NonNullable<Image["config"]["config"]>): Image {
  return {
    name: "x",
    target: "",
    manifest: "",
    id: "",
    platform: "linux/amd64",
    chainId: undefined,
    size: 0,
    config: {
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: [] },
      config,
    },
  };
}
const config = (
  options: Partial<ContainerOptions>,
  from: NonNullable<Image["config"]["config"]> = {},
) => containerConfig({ image: "x", ...options }, image(from), ID);

test("containerConfig() combines entrypoint and command by Docker's rules", () => {
  const from = { Entrypoint: ["/entry", "-e"], Cmd: ["cmd"] };
  const line = (options: Partial<ContainerOptions>) => {
    const { entrypoint, cmd } = config(options, from);
    return [...entrypoint, ...cmd].join(" ");
  };
  assert.equal(line({}), "/entry -e cmd");
  assert.equal(line({ command: ["a", "b"] }), "/entry -e a b");
  assert.equal(line({ command: [] }), "/entry -e cmd");
  assert.equal(line({ entrypoint: ["/new"] }), "/new");
  assert.equal(line({ entrypoint: ["/new"], command: ["a"] }), "/new a");
  assert.equal(line({ entrypoint: [""], command: ["a"] }), "a");
  assert.throws(() => line({ entrypoint: [""] }), { code: "invalid_argument" });
  assert.throws(() => config({}), /no command specified/);
});

test("containerConfig() takes the host name from the id, and each variable from its last setting", () => {
  const { hostname, env } = config(
    { command: ["x"], env: ["A=3", "B=", "PATH=/p"], tty: true },
    { Env: ["PATH=/image", "A=1", "C=2"] },
  );
  assert.equal(hostname, "0123456789ab");
  assert.deepEqual(env, [
    "PATH=/p",
    "HOSTNAME=0123456789ab",
    "TERM=xterm",
    "A=3",
    "C=2",
    "B=",
  ]);
  assert.deepEqual(environment(["A=1", "B=2", "A=3"]), ["A=3", "B=2"]);
});

test("containerConfig() prefers options to the image and the image to defaults", () => {
  const from = {
    User: "u",
    WorkingDir: "/w",
    StopSignal: "SIGINT",
    Labels: { a: "1", b: "2" },
    Cmd: ["x"],
  };
  const byImage = config({}, from);
  assert.deepEqual(
    [byImage.user, byImage.workingDir, byImage.stopSignal, byImage.labels, byImage.stopTimeoutSec],
    ["u", "/w", "SIGINT", { a: "1", b: "2" }, 10],
  );
  const given = config({
    user: "0",
    workingDir: "/v",
    stopSignal: "9",
    labels: { b: "3" },
    stopTimeoutSec: 1,
  }, from);
  assert.deepEqual(
    [given.user, given.workingDir, given.stopSignal, given.labels, given.stopTimeoutSec],
    ["0", "/v", "9", { a: "1", b: "3" }, 1],
  );
  const neither = config({ command: ["x"] });
  assert.deepEqual([neither.user, neither.workingDir, neither.stopSignal], ["", "/", "SIGTERM"]);
});

test("containerConfig() refuses a relative directory and an unknown signal", () => {
  assert.throws(() => config({ command: ["x"], workingDir: "w" }), /must be an absolute path/);
  assert.throws(() => config({ command: ["x"], stopSignal: "SIGNOT" }), /no such signal/);
});

test("hostConfig() has Docker's defaults", () => {
  const host = hostConfig({ image: "x" });
  assert.deepEqual(
    [host.autoRemove, host.networkMode, host.shmBytes, host.memoryBytes, host.privileged],
    [false, "none", 64 << 20, 0, false],
  );
});

test("hostConfig() refuses less memory than it takes to start", () => {
  const memory = (memoryBytes: number) => () => hostConfig({ image: "x", memoryBytes });
  assert.throws(memory(6 * 1024 * 1024 - 1), { code: "invalid_argument", message: /6MB/ });
  assert.equal(memory(6 * 1024 * 1024)().memoryBytes, 6 * 1024 * 1024);
});
