/**
 * Unix socket paths hold 107 bytes. A longer one goes through the descriptor of its directory.
 *
 * @module
 */

/** The socket of the container whose runtime directory is given, open as `directoryFd`. */
export function socketPath(directory: string, directoryFd: number): string {
  const path = `${directory}/shim.sock`;
  return new TextEncoder().encode(path).length <= 107
    ? path
    : `/proc/self/fd/${directoryFd}/shim.sock`;
}
