/**
 * Waits for a process whose caller waits for us: signals go through, and so does a terminal.
 *
 * @module
 */

import { kill, waitFor } from "../../src/program/mod.ts";
import type { RuntimeProcess } from "../../src/runtime/mod.ts";
import { forwardSignals } from "../signals.ts";

/** Wait for its end. @returns its exit code, 128+n for a signal */
export async function waitInForeground({ pid, console }: RuntimeProcess): Promise<number> {
  const ended = new Promise<number>((resolve) => {
    const look = () => {
      const found = waitFor(pid);
      if (found === undefined) return;
      process.off("SIGCHLD", look);
      clearInterval(alive);
      resolve(found.exitCode);
    };
    // Listening alone does not keep the runtime going.
    const alive = setInterval(() => {}, 1 << 30);
    process.on("SIGCHLD", look);
    look();
  });
  const stop = forwardSignals((signal) => Promise.resolve(void kill(pid, signal)));
  const relay = console === undefined
    ? undefined
    : (await import("./terminal_relay.ts")).relayTerminal(console);
  const exitCode = await ended;
  await relay?.finish();
  stop();
  return exitCode;
}
