/**
 * Does once, with nothing at stake, what `create` does: a JavaScript engine compiles a function when it
 * is called first, which for a container's start adds up to 10 ms. A shim does this while its client
 * still looks for the image.
 *
 * @module
 */

import { ProgramBuilder, run, strings } from "../program/mod.ts";
import { cgroupLayout } from "./cgroup.ts";
import { compile } from "./compile.ts";
import { factsOf } from "./facts.ts";
import { profileKey } from "./seccomp_filter.ts";
import type { OciSpec } from "../oci/mod.ts";

const SPEC: OciSpec = {
  ociVersion: "1.2.0",
  process: {
    args: ["true"],
    env: ["PATH=/usr/bin:/bin"],
    cwd: "/root",
    user: { uid: 0, gid: 0, additionalGids: [1] },
    capabilities: { bounding: ["CAP_CHOWN"], effective: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"] },
    rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }],
  },
  root: { path: "/", readonly: true },
  hostname: "warm",
  mounts: [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
    { destination: "/dev/pts", type: "devpts", options: ["nosuid", "newinstance", "gid=5"] },
    { destination: "/sys", type: "sysfs", options: ["nosuid", "ro"] },
    { destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro"] },
    { destination: "/etc/hosts", type: "bind", source: "/", options: ["rbind", "rprivate"] },
  ],
  linux: {
    namespaces: (["mount", "pid", "ipc", "uts", "network", "cgroup"] as const)
      .map((type) => ({ type })),
    maskedPaths: ["/proc/kcore", "/proc/acpi", "/sys/firmware"],
    readonlyPaths: ["/proc/sys"],
  },
};

/** Everything up to the clone, for a container that is never made. */
export async function warmUp(): Promise<void> {
  const layout = cgroupLayout();
  if (layout.version === 1) await (await import("./cgroup_v1.ts")).settingsV1();
  else await (await import("./cgroup_v2.ts")).settingsV2();
  const stdio = { stdin: 0, stdout: 1, stderr: 2 };
  profileKey({ defaultAction: "SCMP_ACT_ALLOW" });
  const { program } = compile({
    spec: SPEC,
    bundle: "/",
    facts: factsOf({ spec: SPEC, bundle: "/", stdio }),
    rootfs: [{ type: "overlay", source: "overlay", options: ["lowerdir+=/", "upperdir=/tmp"] }],
    stdio: [0, 1, 2],
    goFd: 3,
    statusFd: 4,
    cgroups: ["/"],
    cgroupMounts: [{ source: "/", name: "memory" }],
    seccomp: { code: new Uint8Array(8), flags: 0, deliver: undefined },
  });
  // The same arguments, in calls that take none.
  const harmless = new ProgramBuilder("warm up");
  for (const { args, options } of program.steps) {
    harmless.step("getpid", args, options.mayFail ? { mayFail: true } : {});
  }
  harmless.step("getpid", [strings(["warm"])]);
  run(harmless);
}
