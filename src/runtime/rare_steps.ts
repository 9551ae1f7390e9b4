/**
 * Makes the steps that few specs ask for.
 *
 * @module
 */

import type { OciProcess, OciSpec } from "../oci/mod.ts";
import type { RareSteps } from "./rare.ts";
import {
  affinitySteps,
  ioPrioritySteps,
  memoryPolicySteps,
  personalitySteps,
  schedulerSteps,
} from "./scheduling_steps.ts";
import { timeNamespaceSteps } from "./time_steps.ts";

/** See `rareSteps` in `rare.ts`. */
export function makeRareSteps(
  { process, linux = {} }: Pick<OciSpec, "process" | "linux">,
  added: OciProcess | undefined,
): RareSteps {
  const { scheduler, ioPriority } = added ?? process ?? {};
  const { initial = "", final = "" } = added?.execCPUAffinity ?? process?.execCPUAffinity ?? {};
  const { memoryPolicy, personality, timeOffsets } = linux;
  const ownTime = added === undefined &&
    linux.namespaces?.some(({ type, path = "" }) => type === "time" && path === "") === true;
  return {
    outside: (p) => {
      if (initial !== "") affinitySteps(p, initial);
    },
    inCgroups: (p) => {
      if (final !== "") affinitySteps(p, final);
    },
    inNamespaces: (p, proc) => {
      if (ownTime) timeNamespaceSteps(p, proc, timeOffsets);
    },
    last: (p) => {
      if (scheduler !== undefined) schedulerSteps(p, scheduler);
      if (ioPriority !== undefined) ioPrioritySteps(p, ioPriority);
      if (memoryPolicy !== undefined) memoryPolicySteps(p, memoryPolicy);
      if (personality !== undefined) personalitySteps(p, personality);
    },
  };
}
