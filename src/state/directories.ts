/**
 * Where state lives on disk.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { Directories } from "./types.ts";

/** What {@link directories} decides from; the command line passes flags, environment and uid. */
export interface DirectoriesOptions {
  /** `--data-root`; must be absolute. */
  readonly dataRoot?: string | undefined;
  /** `--exec-root`; must be absolute. */
  readonly execRoot?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The effective user id. */
  readonly uid: number;
}

/**
 * The data and exec directories: `/var/lib/ctr` and `/run/ctr` for root, the XDG base directories
 * for everybody else. Nothing is created here.
 *
 * @throws {CtrError} `invalid_argument` when a given directory is not absolute, or when an ordinary
 * user has neither `HOME` nor `XDG_DATA_HOME`.
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function directories(options: DirectoriesOptions): Directories {
  const { dataRoot, execRoot, env = {}, uid } = options;
  for (const path of [dataRoot, execRoot]) {
    if (path !== undefined && !path.startsWith("/")) {
      throw new CtrError({
        code: "invalid_argument",
        operation: "use directory",
        subject: path,
        reason: "the path is not absolute",
      });
    }
  }
  return { data: dataRoot ?? defaultData(env, uid), exec: execRoot ?? defaultExec(env, uid) };
}

function defaultData(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return "/var/lib/ctr";
  if (env["XDG_DATA_HOME"]?.startsWith("/")) return `${env["XDG_DATA_HOME"]}/ctr`;
  if (env["HOME"]?.startsWith("/")) return `${env["HOME"]}/.local/share/ctr`;
  throw new CtrError({
    code: "invalid_argument",
    operation: "choose a data directory",
    reason: "neither HOME nor XDG_DATA_HOME is an absolute path",
    hint: "use --data-root",
  });
}

function defaultExec(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return "/run/ctr";
  if (env["XDG_RUNTIME_DIR"]?.startsWith("/")) return `${env["XDG_RUNTIME_DIR"]}/ctr`;
  return `/tmp/ctr-${uid}`;
}
