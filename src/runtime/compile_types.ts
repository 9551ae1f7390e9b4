/**
 * What the compiler takes and gives.
 *
 * @module
 */

import type { OciSpec } from "../oci/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";
import type { ExecAttempts } from "./exec_steps.ts";
import type { Labelling } from "./proc_steps.ts";
import type { Check } from "./protect_steps.ts";
import type { RareSteps } from "./rare.ts";
import type { Filter } from "./seccomp_steps.ts";
import type { SourceTrees } from "./sources.ts";
import type { CopyUp } from "./target_steps.ts";
import type { RootfsMount } from "./types.ts";

/** What the compiler has to know of the host beside the spec; looked up by `facts.ts`. */
export interface HostFacts {
  /** Where the root file system is mounted, on the host. */
  readonly rootfsPath: string;
  /** What each bind mount's source is, by destination; others count as directories. */
  readonly sourceKinds: ReadonlyMap<string, "directory" | "file">;
  /** What a masked path is, where the host's own tells. */
  readonly maskKinds: ReadonlyMap<string, "directory" | "file">;
  /** Which of stdin, stdout and stderr shall be given to the user. */
  readonly ownStdio: readonly number[];
  readonly availableCapabilities: readonly string[];
  /** Whether the kernel lets this process make devices: not in a user namespace. */
  readonly makesDevices: boolean;
  /** Asked for only if the spec has a label. */
  readonly labelling: ReadonlySet<Labelling>;
  /** The mount that the root file system is in, where it could show the root's mounts to others. */
  readonly parentMount: string | undefined;
  /** Whether the host has `/proc/kcore`. */
  readonly kcore: boolean;
  /** Where procfs and sysfs are on the host; asked for only if the root is not pivoted to. */
  readonly kernelMounts?: readonly string[] | undefined;
  /** False where the user namespace will forbid setgroups(2). */
  readonly setGroups: boolean;
}

/** What the compiler gets. */
export interface CompileInput {
  readonly bundle: string;
  readonly spec: OciSpec;
  readonly facts: HostFacts;
  readonly rootfs: readonly RootfsMount[];
  readonly stdio: readonly [number, number, number];
  readonly goFd: number;
  readonly statusFd: number;
  /** The child waits for the go before it enters its cgroups: until they, or systemd's unit, are made. */
  readonly waitsForCgroups?: boolean | undefined;
  /** Directories of the container's cgroups that the process enters by itself (version 1). */
  readonly cgroups: readonly string[];
  /** The cgroup mount of the container: host directory and name below `/sys/fs/cgroup`. */
  readonly cgroupMounts: readonly { readonly source: string; readonly name: string }[];
  readonly seccomp: Filter | undefined;
  readonly rare?: RareSteps | undefined;
  readonly sources?: SourceTrees | undefined;
  /** The process waits here for the last go; absent: at the go pipe. */
  readonly gateFd?: number | undefined;
  readonly preservedFds?: number | undefined;
  readonly keepKeyring?: boolean | undefined;
  readonly noPivot?: boolean | undefined;
  /** It reports and waits when all is mounted, before the host's tree goes out of sight. */
  readonly pausesBeforePivot?: boolean;
}

/** The program and what its caller must look at once it waits for the go. */
export interface Compiled {
  readonly program: ProgramBuilder;
  readonly cloneFlags: number;
  /** The result of this step is the container's process; undefined: the cloned one is it. */
  readonly second: Ref | undefined;
  readonly checks: readonly Check[];
  /** What the child waits for, one after the other, while its tree grows. */
  readonly copies: readonly CopyUp[];
  readonly attempts: ExecAttempts;
  /** The listener of the filter, which the child shows before it is ready. */
  readonly listener: Ref | undefined;
  /** The child waits for the go once more, before anything else, until its ids are mapped. */
  readonly waitsForMapping: boolean;
}
