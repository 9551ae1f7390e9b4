/**
 * Gives a container that runs another list of devices.
 *
 * @module
 */

import { addressOf, sys } from "../../ffi/mod.ts";
import { O } from "../linux/mod.ts";
import type { OciDeviceRule } from "../oci/mod.ts";
import { close, open, readText, SYS } from "../program/mod.ts";
import { type CgroupLayout, type CgroupPath, directoryIn, missingController } from "./cgroup.ts";
import { writeSettings } from "./cgroup_settings.ts";
import { deviceLine } from "./cgroup_v1.ts";
import { freezeCgroup } from "./cgroup_freezer.ts";
import { frozenAt } from "./cgroup_place.ts";
import { cgroupPids } from "./cgroup_processes.ts";
import { attachDeviceFilter } from "./device_filter.ts";

/**
 * Put these rules in the place of those that there are. On failure the old ones stay.
 *
 * With version 1 they are written one by one, and the first is mostly that nothing is allowed. So the
 * container stands still meanwhile, if it can.
 */
export async function updateDevices(
  layout: CgroupLayout,
  path: CgroupPath,
  rules: readonly OciDeviceRule[],
): Promise<void> {
  if (layout.version === 2) return replaceDeviceFilter(directoryIn(layout.root, path)!, rules);
  const place = layout.controllers.get("devices");
  const directory = place === undefined ? undefined : directoryIn(place, path);
  if (directory === undefined) missingController("linux.resources.devices", "devices");
  const old = readText(`${directory}/devices.list`).trim().split("\n");
  const write = (allow: boolean, line: string) =>
    writeSettings([{ directory, files: [[allow ? "devices.allow" : "devices.deny", line]] }]);
  const still = !frozenAt(path, layout) && await standStill(path, layout);
  try {
    for (const rule of rules) write(rule.allow, deviceLine(rule));
  } catch (error) {
    write(false, "a");
    for (const line of old) if (line !== "") write(true, line.startsWith("a ") ? "a" : line);
    throw error;
  } finally {
    if (still) await freezeCgroup(path, false, { layout });
  }
}

async function standStill(path: CgroupPath, layout: CgroupLayout): Promise<boolean> {
  if (cgroupPids(path, layout).includes(process.pid)) return false;
  try {
    await freezeCgroup(path, true, { layout, patienceMs: 500 });
    return true;
  } catch {
    return false; // all go on, and so does the update
  }
}

const BPF_PROG_DETACH = 9;
const BPF_PROG_GET_FD_BY_ID = 13;
const BPF_PROG_QUERY = 16;
const BPF_CGROUP_DEVICE = 6;

/**
 * Version 2: the new program first, then away with those that were there. In between, what all of them
 * allow is allowed.
 *
 * @throws {SyscallError} when the kernel refuses the new program
 */
export function replaceDeviceFilter(directory: string, rules: readonly OciDeviceRule[]): void {
  const cgroup = open(directory, O.O_RDONLY);
  try {
    const old = attachedPrograms(cgroup);
    attachDeviceFilter(directory, rules);
    for (const id of old) {
      const program = bpf(BPF_PROG_GET_FD_BY_ID, new Uint32Array([id, 0, 0]));
      if (program < 0) continue; // gone by itself
      bpf(BPF_PROG_DETACH, new Uint32Array([cgroup, program, BPF_CGROUP_DEVICE]));
      close(program);
    }
  } finally {
    close(cgroup);
  }
}

/** The ids of the programs that decide about a cgroup's devices. */
export function attachedPrograms(cgroup: number): number[] {
  const most = 64;
  const ids = new Uint32Array(most);
  const query = new DataView(new ArrayBuffer(128));
  query.setUint32(0, cgroup, true);
  query.setUint32(4, BPF_CGROUP_DEVICE, true);
  query.setBigUint64(16, BigInt(addressOf(new Uint8Array(ids.buffer))), true);
  query.setUint32(24, most, true);
  const words = new Uint32Array(query.buffer);
  if (bpf(BPF_PROG_QUERY, words) < 0) return [];
  return [...ids.subarray(0, words[6]!)];
}

function bpf(command: number, attributes: Uint32Array): number {
  const whole = attributes.length === 32 ? attributes : new Uint32Array(32);
  if (whole !== attributes) whole.set(attributes);
  return sys(SYS.bpf, command, new Uint8Array(whole.buffer), 128);
}
