/**
 * One start, removal or sweep of a container at a time, whichever processes ask: flock(2) on the
 * container's own directory, which goes with it. The kernel gives the lock back when its holder dies.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { ERRNO } from "../linux/mod.ts";
import { close, O_ARCH, open, SYS } from "../program/mod.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

/** A lock that is held until it is released. Releasing twice is harmless. */
export interface ContainerLock extends Disposable {
  release(): void;
}

/**
 * Take the lock of the container that has this directory, or return undefined while somebody else
 * holds it.
 *
 * @throws {SyscallError} `not_found` when there is no such directory
 */
export function tryLock(directory: string): ContainerLock | undefined {
  let fd: number | undefined = open(directory, O_ARCH.O_DIRECTORY);
  const result = sys(SYS.flock, fd, LOCK_EX | LOCK_NB);
  if (result < 0) {
    close(fd);
    if (result === -ERRNO.EAGAIN || result === -ERRNO.EINTR) return undefined;
    throw new CtrError({
      code: "internal",
      operation: "lock",
      subject: directory,
      reason: `flock failed with errno ${-result}`,
    });
  }
  const release = () => {
    if (fd !== undefined) close(fd);
    fd = undefined;
  };
  return { release, [Symbol.dispose]: release };
}

/**
 * Take the lock, waiting for its holder. What the container is like has to be looked up afterwards.
 *
 * @throws {CtrError} `unavailable` when somebody holds it longer than any start takes
 */
export async function lockContainer(directory: string): Promise<ContainerLock> {
  const deadline = Date.now() + 60_000;
  // A blocking flock would stop the event loop that the holder may need: it may be this process.
  for (let pauseMs = 1;; pauseMs = Math.min(pauseMs * 2, 50)) {
    const lock = tryLock(directory);
    if (lock !== undefined) return lock;
    if (Date.now() > deadline) {
      throw new CtrError({
        code: "unavailable",
        operation: "lock",
        subject: directory,
        reason: "another process has been busy with this container for a minute",
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
