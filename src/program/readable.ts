/**
 * Waits for descriptors that no JavaScript runtime polls: eventfd, inotify.
 *
 * @module
 */

import { chunks } from "../../ffi/mod.ts";
import { PR, SIGNALS } from "../linux/mod.ts";
import { close, kill, pipe, waitFor } from "./calls.ts";
import { ProgramBuilder } from "./program.ts";
import { spawn } from "./run.ts";

/** A wait that has begun. */
export interface Readable {
  /** Resolves when there is something to read, or when it was cancelled. */
  readonly ready: Promise<void>;
  cancel(): void;
}

/**
 * Wait until a descriptor has something to read. A child does that, which shares memory and is a few
 * system calls long: it ends when it is so, and its end of a pipe with it. It also ends with us.
 */
export function whenReadable(fd: number): Readable {
  const [ended, end] = pipe();
  const POLLIN = 1;
  const poll = new Uint8Array(new Uint16Array([0, 0, POLLIN, 0]).buffer); // struct pollfd of 0
  const p = new ProgramBuilder("wait");
  p.step("prctl", [PR.PR_SET_PDEATHSIG, SIGNALS.SIGKILL, 0, 0, 0]);
  p.step("dup3", [fd, 0, 0]);
  p.step("dup3", [end, 1, 0]);
  // Whoever waits for the end of what we write must not wait for this.
  p.step("close_range", [2, 0xffffffff, 0]);
  p.step("ppoll", [poll, 1, 0, 0, 0]);
  let child;
  try {
    child = spawn(p);
  } catch (error) {
    close(ended);
    throw error;
  } finally {
    close(end);
  }
  close(child.pidfd);
  const { pid, free } = child;
  let running = true;
  const ready = (async () => {
    for await (const _ of chunks(ended, "pipe")); // nothing is written
    running = false;
    waitFor(pid, { block: true });
    free();
  })();
  return {
    ready,
    cancel() {
      if (running) kill(pid, SIGNALS.SIGKILL);
    },
  };
}
