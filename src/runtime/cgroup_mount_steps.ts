/**
 * The steps that show a container its control groups.
 *
 * @module
 */

import type { OciMount } from "../oci/mod.ts";
import type { ProgramBuilder } from "../program/mod.ts";
import type { CompileInput } from "./compile_types.ts";
import { mountSteps } from "./mount_steps.ts";
import { freshSteps, type Tree } from "./target_steps.ts";
import { protectMountSteps } from "./protect_steps.ts";

/** A mount of type `cgroup`: the container's own directories, one for each hierarchy. */
export function cgroupMountSteps(
  p: ProgramBuilder,
  tree: Tree,
  { destination, options = [] }: OciMount,
  mounts: CompileInput["cgroupMounts"],
): void {
  const readonly = options.includes("ro");
  const bind = ["bind", "nosuid", "nodev", "noexec", ...readonly ? ["ro"] : []];
  if (mounts.length === 1 && mounts[0]!.name === "") {
    mountSteps(p, tree, { destination, source: mounts[0]!.source, options: bind }, "directory");
    return;
  }
  const tmpfs = ["nosuid", "nodev", "noexec", "mode=755"];
  mountSteps(p, tree, { destination, type: "tmpfs", source: "tmpfs", options: tmpfs }, "directory");
  freshSteps(p, tree, destination);
  for (const { source, name } of mounts) {
    const target = `${destination}/${name}`;
    mountSteps(p, tree, { destination: target, source, options: bind }, "directory");
  }
  if (readonly) protectMountSteps(p, tree, destination);
}
