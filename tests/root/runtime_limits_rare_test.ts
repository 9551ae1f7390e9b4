import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { OciResources, OciSpec } from "../../src/oci/mod.ts";
import { cgroupVersion } from "../../src/runtime/mod.ts";
import { Bundle, finish } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");
const v2 = cgroupVersion() === 2;

const limited = (resources: OciResources) => ({
  change: (spec: OciSpec): OciSpec => ({
    ...spec,
    linux: { ...spec.linux, resources: { ...spec.linux?.resources, ...resources } },
  }),
});

/** What the kernel says of a container's limits while it waits for its start. */
async function limitsOf(
  resources: OciResources,
  files: readonly string[],
): Promise<Record<string, string>> {
  await using bundle = new Bundle();
  const created = await bundle.create(["/bin/true"], limited(resources));
  const read = (file: string) => {
    const controller = v2 ? "" : `/${file.split(".")[0]}`;
    return readFileSync(`/sys/fs/cgroup${controller}${bundle.cgroup}/${file}`, "utf8").trim();
  };
  const found = Object.fromEntries(files.map((file) => [file, read(file)]));
  assert.equal(finish(created).exitCode, 0);
  return found;
}

test("limits that few ask for are in the container's cgroups", here, async () => {
  const resources: OciResources = {
    memory: { limit: 64 << 20, reservation: 32 << 20 },
    cpu: { shares: 2048, quota: 50_000, period: 100_000, burst: 20_000, cpus: "0", mems: "0" },
  };
  const expected = v2
    ? {
      "memory.max": String(64 << 20),
      "memory.low": String(32 << 20),
      "cpu.weight": "174",
      "cpu.max": "50000 100000",
      "cpu.max.burst": "20000",
      "cpuset.cpus": "0",
      "cpuset.mems": "0",
    }
    : {
      "memory.soft_limit_in_bytes": String(32 << 20),
      "cpu.shares": "2048",
      "cpu.cfs_burst_us": "20000",
      "cpuset.cpus": "0",
      "cpuset.mems": "0",
    };
  assert.deepEqual(await limitsOf(resources, Object.keys(expected)), expected);
});

test("version 1 keeps the limits that version 2 has no word for", {
  ...needs("root", "cgroup1", "file:/bin/busybox"),
}, async () => {
  const [major, minor] = readFileSync("/proc/partitions", "utf8").trim().split("\n").at(-1)!
    .trim().split(/\s+/).map(Number) as [number, number];
  const rate = (of: number) => [{ major, minor, rate: of }];
  const blockIO = {
    weight: 200,
    throttleReadBpsDevice: rate(1 << 20),
    throttleWriteBpsDevice: rate(2 << 20),
    throttleReadIOPSDevice: rate(300),
    throttleWriteIOPSDevice: rate(400),
  };
  const found = await limitsOf(
    { memory: { swappiness: 5, disableOOMKiller: true }, cpu: { idle: 1 }, blockIO },
    [
      "memory.swappiness",
      "memory.oom_control",
      "cpu.idle",
      ...["read_bps", "write_bps", "read_iops", "write_iops"].map((name) =>
        `blkio.throttle.${name}_device`
      ),
      existsSync("/sys/fs/cgroup/blkio/blkio.weight") ? "blkio.weight" : "blkio.bfq.weight",
    ],
  );
  assert.match(found["memory.oom_control"]!, /^oom_kill_disable 1$/m);
  assert.deepEqual(Object.values(found).filter((text) => !text.includes("oom")), [
    "5",
    "1",
    `${major}:${minor} ${1 << 20}`,
    `${major}:${minor} ${2 << 20}`,
    `${major}:${minor} 300`,
    `${major}:${minor} 400`,
    "200",
  ]);
});

test("files of version 2 can be named one by one, and only there", here, async () => {
  const resources = { unified: { "memory.high": String(48 << 20), "pids.max": "7" } };
  if (v2) {
    assert.deepEqual(
      await limitsOf(resources, Object.keys(resources.unified)),
      resources.unified,
    );
  } else await assert.rejects(limitsOf(resources, []), { code: "invalid_argument" });
});

test("a limit that the kernel does not take is named with its value", here, async () => {
  await assert.rejects(limitsOf({ cpu: { cpus: "4000" } }, []), {
    message: /^cannot write "4000" to "cpuset.cpus": /,
  });
});
