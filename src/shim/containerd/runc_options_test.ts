import assert from "node:assert/strict";
import { test } from "node:test";
import { checkpointRequest, runcOptions } from "./runc_options.ts";

const any = (typeUrl: string, ...value: number[]) => ({ typeUrl, value: Uint8Array.from(value) });

test("runcOptions() reads the options of either of containerd's shims", () => {
  const binary = [0x32, 1, 0x78]; // field 6: "x"
  const { binaryName, systemdCgroup } = runcOptions(
    any("containerd.runc.v1.Options", ...binary, 0x48, 1),
  );
  assert.deepEqual([binaryName, systemdCgroup], ["x", true]);
  const old = runcOptions(
    any("types/containerd.linux.runc.CreateOptions", 0x08, 1, 0x40, 1, 0x50, 7),
  );
  assert.deepEqual([old.noPivotRoot, old.noNewKeyring, old.ioUid, old.root], [true, true, 7, ""]);
  assert.equal(runcOptions(undefined).noPivotRoot, false);
  assert.throws(() => runcOptions(any("kata.Options")), { code: "invalid_argument" });
});

test("checkpointRequest() prefers the paths of its options", () => {
  assert.deepEqual(checkpointRequest("/images", undefined), {
    path: "/images",
    leaveRunning: true,
    tcpEstablished: false,
    externalUnixSockets: false,
    shellJob: false,
    fileLocks: false,
    emptyNamespaces: [],
  });
  const [image, work] = [[0x42, 2, 0x2f, 0x69], [0x4a, 2, 0x2f, 0x77]]; // 8: "/i", 9: "/w"
  const type = "containerd.runc.v1.CheckpointOptions";
  const made = checkpointRequest("/images", any(type, 0x08, 1, ...image, ...work));
  assert.deepEqual([made.path, made.workPath, made.leaveRunning], ["/i", "/w", false]);
  const old = "containerd.linux.runc.CheckpointOptions";
  const other = checkpointRequest("/images", any(old, ...image, ...work));
  assert.deepEqual([other.path, other.workPath], ["/w", "/i"]);
});
