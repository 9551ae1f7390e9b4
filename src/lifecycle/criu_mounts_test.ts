import assert from "node:assert/strict";
import { test } from "node:test";
import type { OciSpec } from "../oci/mod.ts";
import { externalMounts, presentMounts } from "./criu_mounts.ts";

const spec = {
  ociVersion: "1.0.0",
  mounts: [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/data/", type: "none", source: "/srv/data", options: ["rbind", "ro"] },
    { destination: "/near", type: "bind", source: "near" },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] },
  ],
  linux: {
    namespaces: [{ type: "cgroup" }],
    maskedPaths: ["/proc/kcore", "/proc/scsi"],
    devices: [{ path: "/dev/fuse", type: "c", major: 10, minor: 229 }],
  },
} as OciSpec;

const sourcesOf = (mounts: ReturnType<typeof externalMounts>) =>
  Object.fromEntries(mounts.map(({ destination, source }) => [destination, source]));

test("externalMounts() has what belongs to the host", () => {
  const cgroups = new Map([["memory", "/sys/fs/cgroup/memory/x"], [
    "pids",
    "/sys/fs/cgroup/pids/x",
  ]]);
  const sources = sourcesOf(externalMounts(spec, { bundle: "/bundle", cgroups }));
  assert.equal(sources["/data"], "/srv/data");
  assert.equal(sources["/near"], "/bundle/near");
  assert.equal(sources["/sys/fs/cgroup/memory"], "/sys/fs/cgroup/memory/x");
  assert.equal(sources["/proc/kcore"], "/dev/null");
  assert.equal(sources["/dev/fuse"], "/dev/fuse");
  assert.equal(sources["/proc"], undefined);
});

test("externalMounts() has one cgroup of version 2: the container's, or all where it sees all", () => {
  const options = {
    bundle: "/bundle",
    cgroups: new Map([["cgroup", "/sys/fs/cgroup/x"]]),
    hierarchy: "/sys/fs/cgroup",
  };
  assert.equal(sourcesOf(externalMounts(spec, options))["/sys/fs/cgroup"], "/sys/fs/cgroup/x");
  const without = { ...spec, linux: { ...spec.linux, namespaces: [] } };
  assert.equal(sourcesOf(externalMounts(without, options))["/sys/fs/cgroup"], "/sys/fs/cgroup");
});

test("presentMounts() leaves out what the container does not have", () => {
  const mountinfo = `30 29 0:5 /null /proc/kcore rw - devtmpfs udev rw
31 29 0:50 / /proc/scsi ro - tmpfs tmpfs ro
32 29 8:1 /srv/data /data ro - ext4 /dev/sda1 rw
33 29 8:1 /srv/a\\040b /a\\040b ro - ext4 /dev/sda1 rw\n`;
  const mounts = [
    ...externalMounts(spec, { bundle: "/bundle", cgroups: new Map() }),
    { destination: "/a b", source: "/srv/a b" },
  ];
  const present = presentMounts(mounts, mountinfo).map(({ destination }) => destination);
  assert.deepEqual(present.sort(), ["/a b", "/data", "/proc/kcore"]);
});
