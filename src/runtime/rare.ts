/**
 * Parts of a process's program that few specs ask for. What makes them is loaded when one does.
 *
 * @module
 */

import type { OciProcess, OciSpec } from "../oci/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";

/** Adds steps at a station of the program. */
type Steps = (p: ProgramBuilder) => void;

/** The stations. */
export interface RareSteps {
  /** In no cgroup of the container yet; for an added process. */
  readonly outside: Steps;
  /** In its cgroups, with the host's rights; for an added process. */
  readonly inCgroups: Steps;
  /** In its user namespace, with its rights. `proc` is the host's `/proc`. */
  readonly inNamespaces: (p: ProgramBuilder, proc: Ref) => void;
  /** When all is set up but its identity and its filter. */
  readonly last: Steps;
}

/**
 * The steps of a container's process.
 *
 * @param added for an added process: who it is
 * @returns nothing where there is nothing to do
 * @throws {CtrError} `invalid_argument` for what makes no sense
 */
export async function rareSteps(
  { process, linux = {} }: OciSpec,
  added?: OciProcess,
): Promise<RareSteps | undefined> {
  const { scheduler, ioPriority, execCPUAffinity } = added ?? process ?? {};
  const asked = scheduler ?? ioPriority ?? linux.personality ?? linux.memoryPolicy ??
    (added === undefined ? undefined : execCPUAffinity ?? process?.execCPUAffinity);
  const time = added === undefined && linux.namespaces?.some(({ type }) => type === "time");
  if (asked === undefined && time !== true) return undefined;
  return (await import("./rare_steps.ts")).makeRareSteps({ process, linux }, added);
}
