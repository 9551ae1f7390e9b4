/**
 * Waits for a process whose caller waits for us: signals go through, and so does a terminal.
 *
 * @module
 */

import { kill, waitFor } from "../../src/program/mod.ts";
import type { RuntimeProcess } from "../../src/runtime/mod.ts";
import { forwardSignals } from "../signals.ts";
import { blockSignals } from "./blocked_signals.ts";

/** From here on no signal ends us that is meant for the process. */
export interface Foreground {
  /** Wait for its end. @returns its exit code, 128+n for a signal */
  wait(process: Pick<RuntimeProcess, "pid" | "console">): Promise<number>;
}

/**
 * Get ready before there is a process. As long as this is the only thread, signals can wait to be
 * asked for, and nothing of the runtime's event loop is needed, whose threads take 3 ms to start.
 *
 * @param options.terminal its output comes through us
 */
export function foreground({ terminal }: { readonly terminal: boolean }): Foreground {
  const blocked = terminal ? undefined : blockSignals();
  if (blocked !== undefined) return { wait: ({ pid }) => Promise.resolve(blocked.waitFor(pid)) };
  let pid: number | undefined;
  const early: number[] = [];
  const stop = forwardSignals((signal) => {
    if (pid === undefined) early.push(signal);
    else kill(pid, signal);
    return Promise.resolve();
  });
  return {
    async wait(process) {
      pid = process.pid;
      for (const signal of early) kill(pid, signal);
      const relay = process.console === undefined
        ? undefined
        : (await import("./terminal_relay.ts")).relayTerminal(process.console);
      const exitCode = await endOf(pid);
      await relay?.finish();
      stop();
      return exitCode;
    },
  };
}

function endOf(pid: number): Promise<number> {
  return new Promise((resolve) => {
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
}
