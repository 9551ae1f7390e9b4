/**
 * Starts a shim for containerd, in the background.
 *
 * @module
 */

import { runtimeArgv, sys } from "../../../ffi/mod.ts";
import { CtrError } from "../../errors.ts";
import { O } from "../../linux/mod.ts";
import {
  close,
  ensureDirectory,
  exists,
  type HostProcess,
  open,
  pipe,
  readText,
  replaceFile,
  spawnHost,
  SYS,
  writeFile,
} from "../../program/mod.ts";
import { type AddressOptions, isServed, shimSocket } from "./address.ts";
import type { ShimArguments } from "./arguments.ts";

/** What a shim is started for. */
export interface StartOptions extends AddressOptions, Pick<ShimArguments, "publishBinary"> {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The program of this process, which is also that of the shim. */
  readonly script: string;
}

/**
 * Start it, unless there is one for its pod.
 *
 * @returns the address that it listens at
 * @throws {CtrError} `internal` when it ends instead
 */
export async function startShim(options: StartOptions): Promise<string> {
  const { bundle, namespace, id, publishBinary, script } = options;
  const socket = shimSocket(options);
  const address = `unix://${socket}`;
  if (!await isServed(socket)) {
    ensureDirectory(socket.slice(0, socket.lastIndexOf("/")), 0o711);
    const given = ["-namespace", namespace, "-id", id, "-address", options.address];
    const more = ["-publish-binary", publishBinary, "-socket", socket];
    const env = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
    const argv = [...runtimeArgv, script, ...given, ...more, "serve"];
    serveInBackground({ argv, env }, bundle);
  }
  // containerd looks here when it was started again.
  replaceFile(`${bundle}/address`, address, 0o644);
  return address;
}

function serveInBackground(program: Pick<HostProcess, "argv" | "env">, bundle: string): void {
  const devNull = open("/dev/null", O.O_RDWR);
  const log = openLog(bundle) ?? devNull;
  const [ready, isReady] = pipe();
  let pid: number;
  try {
    pid = spawnHost({
      ...program,
      fds: [devNull, log, log, isReady],
      newSession: true,
      cwd: bundle,
    });
  } finally {
    for (const fd of new Set([devNull, log, isReady])) close(fd);
  }
  protect(pid);
  const byte = new Uint8Array(1);
  const got = sys(SYS.read, ready, byte, 1);
  close(ready);
  if (got > 0) return;
  throw new CtrError({ code: "internal", operation: "start shim", reason: "it ended at once" });
}

/** A FIFO that containerd reads; for reading too, because containerd may be started again. */
function openLog(bundle: string): number | undefined {
  const path = `${bundle}/log`;
  return exists(path) ? open(path, O.O_RDWR | O.O_NONBLOCK) : undefined;
}

/** Where memory runs out, the container should end and its shim tell that. */
function protect(pid: number): void {
  try {
    const own = Number(readText("/proc/self/oom_score_adj"));
    writeFile(`/proc/${pid}/oom_score_adj`, String(Math.min(own + 1, 1000)));
  } catch {
    // As the host wants it.
  }
}
