/**
 * Finds the OCI runtime that a person names, as `docker run --runtime` takes it.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { AT } from "../linux/mod.ts";
import { fileKind, SYS } from "../program/mod.ts";
import type { ContainerRuntime } from "../state/mod.ts";

/** The built-in one. */
export const OWN_RUNTIME = "ctr";
/** Its name for containerd. */
const OWN_SHIM = "io.containerd.ctr.v2";

/** Runtimes that `ctr info` lists where they are installed. */
export const KNOWN_RUNTIMES: readonly string[] = ["runc", "crun", "runsc", "kata-runtime", "youki"];

/** Where they are, beside what PATH says: an ordinary user's has no `sbin`. */
const DIRECTORIES = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

/**
 * Look a runtime up.
 *
 * @param name of an executable in PATH; its path; or containerd's name of its shim, such as
 * `io.containerd.runc.v2`; empty is the default, as in Docker
 * @param env `NAME=value`, of which PATH counts
 * @returns undefined for the built-in one
 * @throws {CtrError} `invalid_argument` when there is none of this name
 */
export function findRuntime(name: string, env: readonly string[]): ContainerRuntime | undefined {
  if (name === OWN_RUNTIME || name === OWN_SHIM || name === "") return undefined;
  const path = runtimePath(name, env);
  if (path !== undefined) return { name, path };
  throw new CtrError({
    code: "invalid_argument",
    operation: "use runtime",
    subject: name,
    reason: "unknown or invalid runtime name",
    hint: name.includes("/")
      ? "it is no executable file with an absolute path"
      : 'it is "ctr", an executable in PATH such as "runc", or its absolute path',
  });
}

/** Where a runtime's executable is, or undefined. */
export function runtimePath(name: string, env: readonly string[]): string | undefined {
  if (name.startsWith("/")) return isExecutable(name) ? name : undefined;
  const [, short = name, version] = /^io\.containerd\.([a-z0-9-]+)\.v(\d+)$/.exec(name) ?? [];
  if (!/^[\w.+-]+$/.test(short) || /^\.+$/.test(short)) return undefined;
  const path = env.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  // Kata's command has not the name that everybody gives the runtime.
  const runtimes = short === "kata" ? ["kata-runtime", "kata"] : [short];
  // containerd's names are those of shims; without one, the OCI runtime of that name will do.
  const names = version === undefined
    ? runtimes
    : [`containerd-shim-${short}-v${version}`, ...runtimes];
  return [...path.split(":"), ...DIRECTORIES].filter((directory) => directory.startsWith("/"))
    .flatMap((directory) => names.map((file) => ({ directory, file })))
    .sort((a, b) => names.indexOf(a.file) - names.indexOf(b.file))
    .map(({ directory, file }) => `${directory}/${file}`)
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  const X_OK = 1;
  const cpath = new TextEncoder().encode(`${path}\0`);
  return fileKind(path) === "file" && sys(SYS.faccessat, AT.AT_FDCWD, cpath, X_OK) === 0;
}
