/**
 * The steps that install a process's seccomp filter.
 *
 * @see https://man7.org/linux/man-pages/man2/seccomp.2.html
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciSeccomp, OciSpec } from "../oci/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";
import { seccompFilter } from "./seccomp_filter.ts";

/** Who a process is, for whoever is told of its system calls. */
export interface Notified {
  /** The process. */
  readonly pid: number;
  readonly id: string;
  readonly bundle: string;
  readonly status: "creating" | "running";
  /** The container's first process. */
  readonly containerPid: number;
}

/** A filter that can be installed. */
export interface Filter {
  /** `struct sock_filter` entries. */
  readonly code: Uint8Array;
  /** `SECCOMP_FILTER_FLAG_*`. */
  readonly flags: number;
  /**
   * Hands the filter's listener to whoever decides about system calls (`SCMP_ACT_NOTIFY`); undefined:
   * there is none.
   */
  readonly deliver: ((listener: number, process: Notified) => void) | undefined;
}

const NEW_LISTENER = 8;
const TSYNC_ESRCH = 16;
const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};

/**
 * The filter of a spec for this machine, if it has one.
 *
 * @param cache a directory where compiled ones are kept
 * @throws {CtrError} `invalid_argument` when the profile makes no sense
 */
export async function filterOf(spec: OciSpec, cache?: string): Promise<Filter | undefined> {
  const profile = spec.linux?.seccomp;
  // As in runc, a profile that says nothing is none.
  if (profile === undefined || (!profile.defaultAction && !profile.syscalls?.length)) {
    return undefined;
  }
  const listens = notifies(profile);
  return {
    code: await seccompFilter(profile, cache),
    flags: flagsOf(profile.flags, listens),
    deliver: listens ? (await import("./seccomp_notify.ts")).deliveryOf(spec, profile) : undefined,
  };
}

/** Whether an agent is to be told of system calls. */
export function notifies({ syscalls = [] }: Partial<OciSeccomp> = {}): boolean {
  return syscalls.some(({ action }) => action === "SCMP_ACT_NOTIFY");
}

/** The `flags` of a profile; without any, what runc uses. */
function flagsOf(flags: readonly string[] | undefined, listens: boolean): number {
  let all = flags === undefined ? FLAGS["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]! : 0;
  for (const flag of flags ?? []) {
    const bit = FLAGS[flag];
    if (bit === undefined) {
      const reason = "there is no such flag";
      const operation = "use seccomp flag";
      throw new CtrError({ code: "invalid_argument", operation, subject: flag, reason });
    }
    all |= bit;
  }
  // The kernel refuses TSYNC with a listener unless told how to tell their results apart, and a
  // flag for listeners without one.
  if (listens) return all | NEW_LISTENER | ((all & 1) === 0 ? 0 : TSYNC_ESRCH);
  return all & ~FLAGS["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]!;
}

/**
 * Install a filter.
 *
 * @returns the step whose result is the listener, if the filter has one
 */
export function seccompSteps(p: ProgramBuilder, { code, flags, deliver }: Filter): Ref | undefined {
  const SECCOMP_SET_MODE_FILTER = 1;
  const program = new Uint8Array(16);
  const count = code.length / 8;
  new DataView(program.buffer).setUint16(0, count, true);
  const memory = {
    bytes: program,
    pointers: [{ offset: 8, to: code }],
    text: `{len=${count}}`,
  };
  const installed = p.step("seccomp", [SECCOMP_SET_MODE_FILTER, flags, memory], {
    name: "install seccomp filter",
  });
  return deliver === undefined ? undefined : installed;
}
