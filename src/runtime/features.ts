/**
 * What this runtime can do, for callers that ask before they use it.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/features-linux.md
 * @module
 */

import { arch } from "../../ffi/mod.ts";
import { CAPABILITIES } from "../linux/mod.ts";
import { mountOptionNames } from "./mount_options.ts";
import { NAMESPACE_FLAGS } from "./namespaces.ts";
import { MEMORY_POLICIES } from "./scheduling_steps.ts";

const ACTIONS = [
  "ALLOW",
  "ERRNO",
  "KILL",
  "KILL_PROCESS",
  "KILL_THREAD",
  "LOG",
  "NOTIFY",
  "TRACE",
  "TRAP",
];
const OPERATORS = ["EQ", "GE", "GT", "LE", "LT", "MASKED_EQ", "NE"];
const ARCHES = { x86_64: ["X32", "X86", "X86_64"], aarch64: ["AARCH64", "ARM"] };
const FLAGS = ["LOG", "SPEC_ALLOW", "TSYNC", "WAIT_KILLABLE_RECV"]
  .map((name) => `SECCOMP_FILTER_FLAG_${name}`);

/** The document of `features`. */
export function features(): Readonly<Record<string, unknown>> {
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: "1.3.0",
    hooks: [
      ...["prestart", "createRuntime", "createContainer", "startContainer"],
      ...["poststart", "poststop"],
    ],
    mountOptions: mountOptionNames(),
    linux: {
      namespaces: Object.keys(NAMESPACE_FLAGS).sort(),
      capabilities: CAPABILITIES,
      cgroup: {
        v1: true,
        v2: true,
        systemd: true,
        systemdUser: true,
        rdma: true,
      },
      seccomp: {
        enabled: true,
        actions: ACTIONS.map((name) => `SCMP_ACT_${name}`),
        operators: OPERATORS.map((name) => `SCMP_CMP_${name}`),
        archs: ARCHES[arch].map((name) => `SCMP_ARCH_${name}`),
        knownFlags: FLAGS,
        supportedFlags: FLAGS,
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      mountExtensions: { idmap: { enabled: true } },
      memoryPolicy: MEMORY_POLICIES,
      netDevices: { enabled: true },
    },
    annotations: {},
  };
}
