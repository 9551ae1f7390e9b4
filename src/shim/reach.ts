/**
 * Finds the shim of a container by its socket.
 *
 * @module
 */

import { connect, type Connection, type ConnectionHandler } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { close, O_ARCH, open } from "../program/mod.ts";
import { socketPath } from "./socket_path.ts";

/**
 * Connect to the shim whose socket is in this directory.
 *
 * @throws {CtrError} `not_found` when nobody listens there
 */
export async function reach(
  execDir: string,
  handler: ConnectionHandler,
): Promise<Connection> {
  let directory: number | undefined;
  try {
    directory = open(execDir, O_ARCH.O_DIRECTORY);
    return await connect(socketPath(execDir, directory), handler);
  } catch (cause) {
    throw new CtrError({
      code: "not_found",
      operation: "reach shim",
      subject: execDir,
      reason: "the container is not running",
      cause,
    });
  } finally {
    if (directory !== undefined) close(directory);
  }
}
