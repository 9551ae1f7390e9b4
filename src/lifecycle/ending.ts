/**
 * Removes what a container leaves behind.
 *
 * @module
 */

import type { OciSpec } from "../oci/mod.ts";
import { exists, rmdir, unlink } from "../program/mod.ts";
import { destroyAt, removeServiceClass, stopUnit } from "../runtime/mod.ts";
import { hookState } from "./record.ts";
import type { Container } from "./types.ts";

/** Everything that is ever in a container's directory. */
const FILES = [
  ...["start.sh", "delete.sh", "gate", "started", "config.json", "config.json.new", "systemd.json"],
  ...["checkpointed", "criu.pid", "state.json.new", "state.json"],
];

/**
 * Kill what is left, remove the cgroups and the directory, and run the hooks for that, whose failures
 * are warnings. Done again after a crash, it does the rest.
 *
 * @param options.cgroups false: they are another's
 */
export async function endContainer(
  { record, directory }: Container,
  { spec, warn, cgroups = true }: {
    readonly spec: OciSpec;
    readonly warn: (message: string) => void;
    readonly cgroups?: boolean;
  },
): Promise<void> {
  const { id, cgroupsPath, unit } = record;
  if (unit !== undefined) {
    try {
      await stopUnit(unit);
    } catch (error) {
      warn((error as Error).message); // without its cgroups it ends by itself
    }
  }
  if (cgroups) await destroyAt(cgroupsPath);
  await removeServiceClass({ id, spec });
  if (exists(`${directory}/criu-root`)) {
    (await import("./restore_root.ts")).removeRestoreRoot(directory); // a restore was killed
  }
  removeDirectory(directory);
  const { poststop = [] } = spec.hooks ?? {};
  if (poststop.length === 0) return;
  const { runHooks } = await import("./hooks.ts");
  for (const hook of poststop) {
    try {
      await runHooks("poststop", [hook], hookState(record, "stopped"));
    } catch (error) {
      warn((error as Error).message);
    }
  }
}

/** Remove a container's directory, with nothing in it that we did not put there. */
export function removeDirectory(directory: string): void {
  for (const name of FILES) unlink(`${directory}/${name}`);
  rmdir(directory);
}
