/**
 * Another shim's program, as containerd starts one.
 *
 * @module
 */

import { chunks } from "../../../ffi/mod.ts";
import { CtrError } from "../../errors.ts";
import { O } from "../../linux/mod.ts";
import {
  close,
  ensureDirectory,
  open,
  pipe,
  type ProgramBuilder,
  readTextIfExists,
  setNonblocking,
  spawnHost,
  writeFile,
} from "../../program/mod.ts";
import { ownerParts } from "../../runtime/mod.ts";

/** A shim's executable, and where it keeps the state of one container. */
export interface OtherShim {
  readonly id: string;
  /** Of the executable. */
  readonly path: string;
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** The container's own directory. */
  readonly stateDir: string;
}

/** containerd's namespace, which the shim tells its containers apart by. */
export const NAMESPACE = "ctr";

/** The bundle that the shim works in. */
export function bundleOf({ stateDir }: Pick<OtherShim, "stateDir">): string {
  return `${stateDir}/bundle`;
}

/**
 * Start it, in a mount namespace of its own.
 *
 * @param before mounts the container's root there
 * @returns the path of its socket
 * @throws {CtrError} with what it says
 */
export async function startOther(
  shim: OtherShim,
  before: (p: ProgramBuilder) => void,
): Promise<string> {
  // It writes its log here, and waits for somebody who reads it if that is a FIFO.
  writeFile(`${bundleOf(shim)}/log`, "");
  const said = await runOther(shim, "start", before);
  const address = said.trim().replace(/^unix:\/\//, "");
  if (address.startsWith("/")) return address;
  throw new CtrError({
    code: "internal",
    operation: "start shim",
    subject: shim.path,
    reason: `it listens at ${JSON.stringify(said.trim())}, which is no path`,
  });
}

/** Have it remove what it left when it died. */
export async function deleteOther(shim: OtherShim): Promise<void> {
  await runOther(shim, "delete", () => {});
}

/** The socket of one that was started by somebody else. */
export function addressOf(shim: OtherShim): string | undefined {
  return readTextIfExists(`${bundleOf(shim)}/address`)?.trim().replace(/^unix:\/\//, "");
}

async function runOther(
  shim: OtherShim,
  command: "start" | "delete",
  before: (p: ProgramBuilder) => void,
): Promise<string> {
  const { id, path, env } = shim;
  const bundle = bundleOf(shim);
  ensureDirectory(`${bundle}/rootfs`, 0o700);
  const devNull = open("/dev/null", O.O_RDWR);
  const [read, output] = pipe();
  setNonblocking(read);
  const flags = ["-namespace", NAMESPACE, "-id", id, "-bundle", bundle];
  let pid: number;
  try {
    pid = spawnHost({
      argv: [path, ...flags, "-address", "/ctr", "-publish-binary", "/bin/true", command],
      // The shim is put in its bundle and asks nobody for events: it is watched.
      env: [...env, `NAMESPACE=${NAMESPACE}`],
      fds: [devNull, output, output],
      newSession: true,
      cwd: bundle,
      before,
    });
  } catch (error) {
    close(read);
    throw error;
  } finally {
    close(devNull);
    close(output);
  }
  let said = "";
  const decoder = new TextDecoder();
  for await (const chunk of chunks(read, "pipe")) said += decoder.decode(chunk, { stream: true });
  const exitCode = await (await ownerParts()).childEnded(pid);
  if (exitCode === 0) return said;
  throw new CtrError({
    code: "internal",
    operation: `${command} shim`,
    subject: path,
    reason: said.trim().split("\n").at(-1) || `it ended with exit code ${exitCode}`,
  });
}
