/**
 * Shows the syscall program of a container before it runs.
 *
 * @module
 */

import { explain } from "../program/mod.ts";
import { cgroupLayout } from "./cgroup.ts";
import { settingsV1 } from "./cgroup_v1.ts";
import { compile } from "./compile.ts";
import { cgroupPathOf } from "./create.ts";
import { factsOf } from "./facts.ts";
import { NAMESPACE_FLAGS } from "./namespaces.ts";
import { rareSteps } from "./rare.ts";
import { filterOf } from "./seccomp_steps.ts";
import type { CreateOptions } from "./types.ts";

/** The program that `create` would run, in strace notation. Needs no privilege and changes nothing. */
export async function explainCreate(
  options: Pick<CreateOptions, "id" | "bundle" | "spec" | "rootfs">,
): Promise<string> {
  const { spec, bundle, rootfs } = options;
  const path = cgroupPathOf(options);
  const layout = cgroupLayout();
  const directories = layout.version === 2 ? [layout.root + path] : [
    ...new Set(
      (await settingsV1(spec.linux?.resources)).flatMap(({ controller }) => {
        const mount = layout.controllers.get(controller);
        return mount === undefined ? [] : [mount + path];
      }),
    ),
  ];
  const stdio = { stdin: 0, stdout: 1, stderr: 2 };
  const { program, cloneFlags } = compile({
    spec,
    bundle,
    rootfs,
    facts: factsOf({ spec, bundle, stdio, assume: true }),
    stdio: [0, 1, 2],
    goFd: 3,
    statusFd: 4,
    cgroups: layout.version === 2 ? [] : directories,
    cgroupMounts: directories.map((source) => ({
      source,
      name: layout.version === 2 ? "" : source.slice(0, -path.length).split("/").at(-1)!,
    })),
    seccomp: await filterOf(spec),
    rare: await rareSteps(spec),
  });
  const flags = Object.entries(NAMESPACE_FLAGS)
    .filter(([, flag]) => (BigInt(cloneFlags) & BigInt(flag)) !== 0n)
    .map(([type]) =>
      type === "mount" ? "CLONE_NEWNS" : `CLONE_NEW${NAMES[type] ?? type.toUpperCase()}`
    );
  flags.push("CLONE_VM");
  if (layout.version === 2) flags.push("CLONE_INTO_CGROUP");
  const all = [...flags, "CLONE_PIDFD", "CLONE_CLEAR_SIGHAND"].join("|");
  return `clone3({flags=${all}})\n${await explain(program)}`;
}

const NAMES: Readonly<Record<string, string>> = { network: "NET" };
