/**
 * The steps that show a container its control groups.
 *
 * @module
 */

import type { OciMount } from "../oci/mod.ts";
import type { ProgramBuilder } from "../program/mod.ts";
import type { CompileInput } from "./compile_types.ts";
import { mountSteps } from "./mount_steps.ts";
import type { NamespacePlan } from "./namespaces.ts";
import { freshSteps, type Tree } from "./target_steps.ts";
import { protectMountSteps } from "./protect_steps.ts";

const NEVER = ["nosuid", "nodev", "noexec"];

/**
 * A mount of type `cgroup`. Version 1: a directory for each hierarchy, which is the container's own.
 * Version 2: the hierarchy from the root of the container's cgroup namespace on; as in runc that is
 * the host's whole one for a container without, except in a user namespace, which may not mount it.
 */
export function cgroupMountSteps(
  p: ProgramBuilder,
  tree: Tree,
  { destination, options = [] }: OciMount,
  { cgroupMounts, plan: { own, has } }: {
    readonly cgroupMounts: CompileInput["cgroupMounts"];
    readonly plan: NamespacePlan;
  },
): void {
  const [first] = cgroupMounts;
  if (first?.name === "") {
    // A bind mount of a namespace's root is no different from a mount of its own.
    const bound = own.has("cgroup") || has.has("user");
    const mount = bound
      ? { destination, source: first.source, options: [...options, "bind"] }
      : { destination, type: "cgroup2", source: "cgroup", options };
    mountSteps(p, tree, mount, "directory");
    return;
  }
  const readonly = options.includes("ro");
  const spread = options.filter((option) => /^r?(private|slave|shared|unbindable)$/.test(option));
  mountSteps(p, tree, {
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: [...NEVER, ...spread, "mode=755"],
  }, "directory");
  const directory = freshSteps(p, tree, destination);
  for (const { source, name } of cgroupMounts) {
    const target = `${destination}/${name}`;
    const bind = ["bind", ...NEVER, ...spread, ...readonly ? ["ro"] : []];
    mountSteps(p, tree, { destination: target, source, options: bind }, "directory");
    if (!name.includes(",")) continue;
    for (const controller of name.split(",")) {
      const about = { name: "link cgroup", subject: controller };
      p.step("symlinkat", [name, directory, controller], about);
    }
  }
  if (readonly) protectMountSteps(p, tree, destination);
}
