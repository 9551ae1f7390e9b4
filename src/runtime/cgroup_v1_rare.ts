/**
 * The limits of cgroup version 1 that few containers have.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciBlockIo, OciCpu, OciMemory, OciResources } from "../oci/mod.ts";
import type { Setting } from "./cgroup_settings.ts";
import { checkedPageSize, rdmaLine } from "./cgroup_words.ts";

type Set = (controller: string, ...setting: Setting) => void;

/**
 * Add them to the others.
 *
 * @throws {CtrError} `invalid_argument` for what no kernel takes
 */
export function rareSettingsV1(resources: OciResources, set: Set): void {
  const { memory = {}, cpu = {}, network = {}, blockIO = {} } = resources;
  if (Object.keys(resources.unified ?? {}).length > 0) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "limit",
      subject: "unified",
      reason: "cannot use unified on cgroup v1",
    });
  }
  memorySettings(memory, (...setting) => set("memory", ...setting));
  cpuSettings(cpu, (...setting) => set("cpu", ...setting));
  if (cpu.cpus) set("cpuset", "cpuset.cpus", cpu.cpus);
  if (cpu.mems) set("cpuset", "cpuset.mems", cpu.mems);
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    const pages = `hugetlb.${checkedPageSize(pageSize)}`;
    set("hugetlb", `${pages}.limit_in_bytes`, String(limit));
    set("hugetlb", `${pages}.rsvd.limit_in_bytes`, String(limit), "ignore");
  }
  if (network.classID) set("net_cls", "net_cls.classid", String(network.classID));
  for (const { name, priority } of network.priorities ?? []) {
    set("net_prio", "net_prio.ifpriomap", `${name} ${priority}`);
  }
  for (const [device, limits] of Object.entries(resources.rdma ?? {})) {
    set("rdma", "rdma.max", rdmaLine(device, limits));
  }
  blockIoSettings(blockIO, (...setting) => set("blkio", ...setting));
}

function memorySettings(memory: OciMemory, set: (...setting: Setting) => void): void {
  if (memory.kernelTCP) set("memory.kmem.tcp.limit_in_bytes", String(memory.kernelTCP));
  // Who has no wish says -1, which in an unsigned field is the largest number.
  const { swappiness = -1 } = memory;
  const wish = swappiness >= 0 && swappiness < 2 ** 63;
  if (wish && swappiness > 100) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "limit",
      subject: "memory.swappiness",
      reason: `invalid memory swappiness value: ${swappiness} (valid range is 0-100)`,
    });
  }
  if (wish) set("memory.swappiness", String(swappiness));
  if (memory.disableOOMKiller) set("memory.oom_control", "1");
}

function cpuSettings(cpu: OciCpu, set: (...setting: Setting) => void): void {
  if (cpu.burst !== undefined) set("cpu.cfs_burst_us", String(cpu.burst));
  if (cpu.realtimePeriod) set("cpu.rt_period_us", String(cpu.realtimePeriod));
  if (cpu.realtimeRuntime) set("cpu.rt_runtime_us", String(cpu.realtimeRuntime));
  if (cpu.idle !== undefined) set("cpu.idle", String(cpu.idle));
}

function blockIoSettings(io: OciBlockIo, set: (...setting: Setting) => void): void {
  // The kernel has one of two schedulers that know weights, or none.
  const weight = (file: string, value: string) =>
    set(`blkio.${file}`, value, [`blkio.bfq.${file}`, value]);
  if (io.weight) weight("weight", String(io.weight));
  if (io.leafWeight) set("blkio.leaf_weight", String(io.leafWeight));
  for (const { major, minor, weight: of, leafWeight } of io.weightDevice ?? []) {
    if (of) weight("weight_device", `${major}:${minor} ${of}`);
    if (leafWeight) set("blkio.leaf_weight_device", `${major}:${minor} ${leafWeight}`);
  }
  const throttles = {
    "blkio.throttle.read_bps_device": io.throttleReadBpsDevice,
    "blkio.throttle.write_bps_device": io.throttleWriteBpsDevice,
    "blkio.throttle.read_iops_device": io.throttleReadIOPSDevice,
    "blkio.throttle.write_iops_device": io.throttleWriteIOPSDevice,
  };
  for (const [file, list] of Object.entries(throttles)) {
    for (const { major, minor, rate } of list ?? []) set(file, `${major}:${minor} ${rate}`);
  }
}
