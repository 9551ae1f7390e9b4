/**
 * Shows the syscall program of a container before it runs.
 *
 * @module
 */

import { explain } from "../program/mod.ts";
import { cgroupLayout, directoryIn } from "./cgroup.ts";
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
  const path = await cgroupPathOf(options);
  const layout = cgroupLayout();
  const places = layout.version === 2 ? [layout.root] : new Set(
    (await settingsV1(spec.linux?.resources)).flatMap(({ controller }) =>
      layout.controllers.get(controller) ?? []
    ),
  );
  const cgroups = [...places].flatMap((place) => {
    const source = directoryIn(place, path);
    const name = layout.version === 2 ? "" : place.slice(place.lastIndexOf("/") + 1);
    return source === undefined ? [] : [{ source, name }];
  });
  const stdio = { stdin: 0, stdout: 1, stderr: 2 };
  const { program, cloneFlags } = compile({
    spec,
    bundle,
    rootfs,
    facts: factsOf({ spec, bundle, stdio, assume: true }),
    stdio: [0, 1, 2],
    goFd: 3,
    statusFd: 4,
    waitsForCgroups: layout.version === 1,
    cgroups: layout.version === 2 ? [] : cgroups.map(({ source }) => source),
    cgroupMounts: cgroups,
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
  const leave = 'execveat(<sealed memfd>, "", ["ctr", "init"], [], AT_EMPTY_PATH)' +
    "  /* leave the runtime: the rest is run by the trampoline */";
  return `clone3({flags=${all}})\n${leave}\n${await explain(program)}`;
}

const NAMES: Readonly<Record<string, string>> = { network: "NET" };
