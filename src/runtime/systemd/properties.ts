/**
 * A container's resources as properties of a unit. What systemd has no property for is written to the
 * cgroup's files alone; what it has one for is written there too, but systemd must know it, or would
 * take it back when it writes the files the next time.
 *
 * @see https://www.freedesktop.org/software/systemd/man/latest/systemd.resource-control.html
 * @module
 */

import { CtrError } from "../../errors.ts";
import type { OciMemory, OciResources } from "../../oci/mod.ts";
import { weightOfShares } from "../cgroup_v2.ts";
import { deviceProperties } from "./device_properties.ts";
import type { Variant } from "./signature.ts";

/** A property of a unit and its value. */
export type Property = readonly [name: string, value: Variant];

/** What decides how a resource is called. */
export interface Dialect {
  readonly version: 1 | 2;
  /** systemd's version; a property that it is too old for is left out. */
  readonly systemd: number;
}

/** Bytes, weights and numbers have 64 bits; -1 is no limit. */
export function uint64(name: string, value: number | bigint): Property {
  return [name, { signature: "t", value: BigInt.asUintN(64, BigInt(value)) }];
}

export function text(name: string, value: string): Property {
  return [name, { signature: "s", value }];
}

export function flag(name: string, value: boolean): Property {
  return [name, { signature: "b", value }];
}

const UNLIMITED = 2n ** 64n - 1n;

/**
 * The properties that stand for resources.
 *
 * @throws {CtrError} `invalid_argument` for a value that is none, `failed_precondition` for `unified`
 * on a host with version 1
 */
export function resourceProperties(resources: OciResources, dialect: Dialect): Property[] {
  const { memory = {}, cpu = {}, pids, blockIO = {}, unified } = resources;
  const v2 = dialect.version === 2;
  const properties = deviceProperties(resources.devices);
  const set = (name: string, value: number | undefined) => {
    if (value) properties.push(uint64(name, value));
  };
  set(v2 ? "MemoryMax" : "MemoryLimit", memory.limit);
  if (v2) set("MemoryLow", memory.reservation);
  const swap = v2 ? swapAlone(memory) : undefined;
  if (swap !== undefined) properties.push(uint64("MemorySwapMax", swap));
  const idle = v2 && cpu.idle === 1 && dialect.systemd >= 252;
  if (idle) properties.push(uint64("CPUWeight", 0));
  else if (v2 && cpu.shares) properties.push(uint64("CPUWeight", weightOfShares(cpu.shares)));
  if (!v2) set("CPUShares", cpu.shares);
  properties.push(...quotaProperties(cpu.quota, cpu.period, dialect));
  set(v2 ? "IOWeight" : "BlockIOWeight", v2 ? ioWeight(blockIO.weight) : blockIO.weight);
  if (pids?.limit !== undefined && (pids.limit > 0 || pids.limit === -1)) {
    properties.push(uint64("TasksMax", pids.limit));
  }
  properties.push(...cpusetProperties(cpu.cpus, cpu.mems, dialect));
  if (unified !== undefined && Object.keys(unified).length > 0) {
    if (!v2) {
      throw new CtrError({
        code: "failed_precondition",
        operation: "limit",
        subject: Object.keys(unified)[0]!,
        reason: "unified resources need cgroup version 2",
      });
    }
    properties.push(...unifiedProperties(unified, dialect));
  }
  // Once each: the last word is that of `unified`, as with the files.
  return [...new Map(properties)];
}

/**
 * The spec counts memory and swap together, version 2 the swap alone. No limit of memory is none of
 * swap; and how much is swap cannot be told without the memory.
 */
function swapAlone({ limit = 0, swap = 0 }: OciMemory): number | undefined {
  if (swap < 0 || (limit < 0 && swap === 0)) return -1;
  if (swap === 0 || limit === 0) return undefined;
  return limit < 0 ? swap : swap - limit;
}

/** 10…1000 → 1…10000, as the file is written. */
function ioWeight(weight: number | undefined): number | undefined {
  return weight ? 1 + Math.floor(((weight - 10) * 9999) / 990) : undefined;
}

/** @param quota no limit unless it is positive */
function quotaProperties(quota = 0, period = 0, { systemd }: Dialect): Property[] {
  const properties: Property[] = [];
  if (period !== 0 && systemd >= 242) properties.push(uint64("CPUQuotaPeriodUSec", period));
  if (quota === 0 && period === 0) return properties;
  // systemd keeps whole percents: up, so that what is below can be given all that was asked for.
  const PERCENT_US = 10_000;
  const perSecond = Math.ceil(Math.floor(quota * 1e6 / (period || 100_000)) / PERCENT_US);
  properties.push(
    uint64("CPUQuotaPerSecUSec", quota > 0 ? perSecond * PERCENT_US : UNLIMITED),
  );
  return properties;
}

function cpusetProperties(cpus = "", mems = "", { systemd }: Dialect): Property[] {
  if (systemd < 244) return [];
  const sets: [string, string][] = [["AllowedCPUs", cpus], ["AllowedMemoryNodes", mems]];
  return sets.filter(([, list]) => list !== "")
    .map(([name, list]) => [name, { signature: "ay", value: bitsOf(list) }]);
}

/**
 * `0,3-5` as bytes with these bits set, the lowest first.
 *
 * @throws {CtrError} `invalid_argument` for another form, and for nothing
 */
export function bitsOf(list: string): Uint8Array {
  const MOST = 8192; // more than any kernel has
  const bits: number[] = [];
  for (const part of list.split(",").map((text) => text.trim()).filter((text) => text !== "")) {
    const [, first = "", last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (first === "" || Number(first) > Number(last) || Number(last) >= MOST) {
      throw invalid(list, `${JSON.stringify(part)} is no range`);
    }
    for (let bit = Number(first); bit <= Number(last); bit++) bits.push(bit);
  }
  if (bits.length === 0) throw invalid(list, "the list is empty");
  const bytes = new Uint8Array((Math.max(...bits) >> 3) + 1);
  for (const bit of bits) bytes[bit >> 3]! |= 1 << (bit & 7);
  return bytes;
}

const SIZES: Readonly<Record<string, string>> = {
  "memory.high": "MemoryHigh",
  "memory.low": "MemoryLow",
  "memory.max": "MemoryMax",
  "memory.min": "MemoryMin",
  "memory.swap.max": "MemorySwapMax",
  "pids.max": "TasksMax",
};

/** Files of version 2 that systemd would write. It does not know the others, which are left alone. */
function unifiedProperties(
  unified: Readonly<Record<string, string>>,
  dialect: Dialect,
): Property[] {
  const idle = unified["cpu.idle"]?.trim() === "1" && dialect.systemd >= 252;
  return Object.entries(unified).flatMap(([file, raw]): Property[] => {
    const value = raw.trim();
    const number = () => {
      if (!/^\d+$/.test(value)) throw invalid(file, `${JSON.stringify(value)} is no number`);
      return BigInt(value);
    };
    const size = SIZES[file];
    if (size !== undefined) return [uint64(size, value === "max" ? UNLIMITED : number())];
    switch (file) {
      case "cpu.idle":
        return idle ? [uint64("CPUWeight", 0)] : [];
      case "cpu.weight":
        return idle ? [] : [uint64("CPUWeight", number())];
      case "cpu.max": {
        const [, quota, period = "100000"] = /^(max|\d+)(?:\s+(\d+))?$/.exec(value) ?? [];
        if (quota === undefined) throw invalid(file, `${JSON.stringify(value)} is no quota`);
        return quotaProperties(quota === "max" ? 0 : Number(quota), Number(period), dialect);
      }
      case "cpuset.cpus":
        return cpusetProperties(value, "", dialect);
      case "cpuset.mems":
        return cpusetProperties("", value, dialect);
      case "memory.oom.group":
        // Only when the unit starts: `unit.ts`.
        return [];
      default:
        return [];
    }
  });
}

function invalid(subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "limit", subject, reason });
}
