/**
 * The ZFS snapshotter: a snapshot is a dataset, mounted at `DATA/snapshots/zfs/N/fs`, and a clone of
 * its parent's. Needs the data root on ZFS, and the program `zfs`: there is no other way to ask for
 * datasets.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { CtrError } from "../errors.ts";
import type { State } from "../state/mod.ts";
import { makeSubtrees, sharingTrees } from "./native.ts";
import { directorySnapshotter, type Driver } from "./store.ts";
import type { Snapshotter } from "./types.ts";

const PROGRAMS = ["/usr/sbin/zfs", "/sbin/zfs", "/usr/bin/zfs", "/usr/local/sbin/zfs"];
/** Of a dataset that is a parent. */
const FROZEN = "@ctr";

/** Where ZFS is, for tests. */
export interface ZfsOptions {
  /** The program. */
  readonly program?: string | undefined;
  /** The dataset that others are made below; by default the one that the data root is on. */
  readonly dataset?: string | undefined;
}

/** The ZFS snapshotter of a store. Nothing is looked for before the first snapshot is made. */
export function zfsSnapshotter(state: State, options: ZfsOptions = {}): Snapshotter {
  const root = `${state.dirs.data}/snapshots/zfs`;
  let found: string | undefined;
  const dataset = (number: number | string): string => {
    found ??= options.dataset ?? datasetOf(root);
    return `${found}/ctr-${number}`;
  };
  const zfs = (args: readonly string[], allowed?: RegExp): void => {
    const program = options.program ?? PROGRAMS.find((path) => existsSync(path));
    if (program === undefined) throw unable("this machine has no program zfs");
    const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
    if (status === 0 || (status !== null && allowed?.test(stderr) === true)) return;
    const said = (stderr ?? "").trim().split("\n")[0] || error?.message || `status ${status}`;
    throw unable(`"zfs ${args.join(" ")}" failed: ${said}`, "internal");
  };
  const driver: Driver = {
    ...sharingTrees,
    name: "zfs",
    create: (dir, [row, parent, ...above]) => {
      if (parent !== undefined && row!.kind !== "active") return; // a view is its parent, read-only
      const mountpoint = ["-o", `mountpoint=${dir}/fs`];
      if (parent === undefined) {
        zfs(["create", ...mountpoint, dataset(row!.number)]);
        return;
      }
      makeSubtrees(dir, [parent, ...above]);
      const frozen = `${dataset(parent.number)}${FROZEN}`;
      zfs(["snapshot", frozen], /already exists/);
      zfs(["clone", ...mountpoint, frozen, dataset(row!.number)]);
    },
    destroy: (dir) => {
      if (!existsSync(`${dir}/fs`)) return;
      zfs(["destroy", "-r", "-f", dataset(dir.slice(dir.lastIndexOf("/") + 1))], /does not exist/);
    },
  };
  return directorySnapshotter(driver, state);
}

/**
 * The dataset that a path is on.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
 */
export function datasetOf(
  path: string,
  mountinfo: string = readFileSync("/proc/self/mountinfo", "utf8"),
): string {
  const plain = (text: string): string =>
    text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
  let best: { point: string; type: string; source: string } | undefined;
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const point = plain(left.split(" ")[4] ?? "");
    const [type = "", source = ""] = right.split(" ");
    const covers = point === "/" || path === point || path.startsWith(`${point}/`);
    if (point === "" || !covers || (best !== undefined && point.length < best.point.length)) {
      continue;
    }
    best = { point, type, source: plain(source) };
  }
  if (best?.type === "zfs") return best.source;
  throw unable(`${path} is not on a ZFS file system`);
}

function unable(reason: string, code: "failed_precondition" | "internal" = "failed_precondition") {
  const hint = "put the data root on ZFS, or use another snapshotter";
  return new CtrError({
    code,
    operation: "use snapshotter",
    subject: "zfs",
    reason,
    ...code === "internal" ? {} : { hint },
  });
}
