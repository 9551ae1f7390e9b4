/**
 * The limits of cgroup version 2 that few containers have. What version 2 has no word for is left out,
 * as in runc: swappiness, limits of kernel memory, the switch of the OOM killer, real-time budgets.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciBlockIo, OciResources } from "../oci/mod.ts";
import { missingController } from "./cgroup.ts";
import type { Setting } from "./cgroup_settings.ts";
import { checkedPageSize, rdmaLine } from "./cgroup_words.ts";

type Set = (...setting: Setting) => void;

/**
 * Add them to the others.
 *
 * @throws {CtrError} `invalid_argument`, `failed_precondition` for marks on network packets: a
 * firewall may count on them
 */
export function rareSettingsV2(resources: OciResources, set: Set): void {
  const { cpu = {}, network = {}, blockIO = {} } = resources;
  if (network.classID || (network.priorities ?? []).length > 0) {
    missingController("linux.resources.network", network.classID ? "net_cls" : "net_prio");
  }
  if (cpu.burst !== undefined) set("cpu.max.burst", String(cpu.burst));
  if (cpu.idle !== undefined) set("cpu.idle", String(cpu.idle));
  if (cpu.cpus) set("cpuset.cpus", cpu.cpus);
  if (cpu.mems) set("cpuset.mems", cpu.mems);
  blockIoSettings(blockIO, set);
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    const pages = `hugetlb.${checkedPageSize(pageSize)}`;
    set(`${pages}.max`, String(limit));
    set(`${pages}.rsvd.max`, String(limit), "ignore");
  }
  for (const [device, limits] of Object.entries(resources.rdma ?? {})) {
    set("rdma.max", rdmaLine(device, limits));
  }
  for (const [file, text] of Object.entries(resources.unified ?? {})) {
    checkFileName(file);
    // The kernel takes one line at a time from a file that has one for each device.
    for (const line of text.split("\n")) if (line !== "" || text === "") set(file, line);
  }
}

function blockIoSettings(io: OciBlockIo, set: Set): void {
  const weight = (value: number, device = "") =>
    set("io.bfq.weight", `${device}${value}`, [
      "io.weight",
      `${device}${weightOfBlkio(value)}`,
    ]);
  if (io.weight) weight(io.weight);
  for (const { major, minor, weight: of } of io.weightDevice ?? []) {
    if (of) weight(of, `${major}:${minor} `);
  }
  const throttles = {
    rbps: io.throttleReadBpsDevice,
    wbps: io.throttleWriteBpsDevice,
    riops: io.throttleReadIOPSDevice,
    wiops: io.throttleWriteIOPSDevice,
  };
  for (const [key, list] of Object.entries(throttles)) {
    for (const { major, minor, rate } of list ?? []) {
      // In version 1, where the spec comes from, 0 takes a limit away.
      set("io.max", `${major}:${minor} ${key}=${rate === 0 ? "max" : rate}`);
    }
  }
}

/** 10…1000 → 1…10000, as in runc. */
function weightOfBlkio(weight: number): number {
  return 1 + Math.floor(((Math.min(Math.max(weight, 10), 1000) - 10) * 9999) / 990);
}

function checkFileName(file: string): void {
  const reason = file.includes("/")
    ? "it must be a file name (no slashes)"
    : /^[^.]+\../.test(file)
    ? undefined
    : "it must be in the form CONTROLLER.PARAMETER";
  if (reason === undefined) return;
  throw new CtrError({
    code: "invalid_argument",
    operation: "use unified resource",
    subject: file,
    reason,
  });
}
