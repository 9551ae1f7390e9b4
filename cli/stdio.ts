/**
 * Connects our own stdin, terminal and signals to a process in a container.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import type { RunningContainer } from "../src/task/mod.ts";

/** What is connected. */
export interface StdioOptions {
  readonly interactive: boolean;
  readonly tty: boolean;
}

/** Docker's refusal: a terminal in the container needs one here. */
export function checkTerminal({ interactive, tty }: StdioOptions): void {
  if (!tty || !interactive || process.stdin.isTTY) return;
  throw new CtrError({
    code: "failed_precondition",
    operation: "attach terminal",
    reason: "the input device is not a TTY",
  });
}

/** The size of our terminal. */
export function terminalSize(): { terminalSize?: { width: number; height: number } } {
  const { columns, rows } = process.stdout;
  return columns > 0 ? { terminalSize: { width: columns, height: rows } } : {};
}

/** Forwarded to a process without a terminal; with one, the keys are. */
const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/** Ctrl-P, Ctrl-Q. */
const DETACH_KEYS = [0x10, 0x11];

type Target = Pick<RunningContainer, "writeStdin" | "endStdin" | "kill" | "resize" | "detach">;

/** Connect until the returned function is called, which restores the terminal. */
export function connectStdio(target: Target, options: StdioOptions): () => void {
  const undo: (() => void)[] = [];
  const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12 };
  for (const name of FORWARDED) {
    const forward = () => void target.kill(numbers[name]).catch(() => {});
    process.on(name, forward);
    undo.push(() => process.off(name, forward));
  }
  if (options.tty) {
    const resize = () => {
      const { columns, rows } = process.stdout;
      if (columns > 0) void target.resize(columns, rows).catch(() => {});
    };
    process.on("SIGWINCH", resize);
    undo.push(() => process.off("SIGWINCH", resize));
    resize();
  }
  if (options.interactive) undo.push(connectStdin(target, options));
  return () => {
    for (const step of undo.reverse()) step();
  };
}

function connectStdin(target: Target, { tty }: StdioOptions): () => void {
  const { stdin } = process;
  const raw = tty && stdin.isTTY;
  if (raw) stdin.setRawMode(true);
  let matched = 0;
  const onData = (chunk: Uint8Array) => {
    let bytes: Uint8Array = chunk;
    if (tty) {
      const kept: number[] = [];
      for (const byte of chunk) {
        if (byte === DETACH_KEYS[matched]) {
          matched++;
          if (matched === DETACH_KEYS.length) return target.detach();
          continue;
        }
        // What looked like the beginning of the keys was not: it belongs to the container.
        kept.push(...DETACH_KEYS.slice(0, matched));
        matched = byte === DETACH_KEYS[0] ? 1 : 0;
        if (matched === 0) kept.push(byte);
      }
      bytes = Uint8Array.from(kept);
      if (bytes.length === 0) return;
    }
    const pending = target.writeStdin(bytes);
    if (pending !== undefined) {
      stdin.pause();
      void pending.then(() => stdin.resume());
    }
  };
  const onEnd = () => target.endStdin();
  stdin.on("data", onData);
  stdin.on("end", onEnd);
  stdin.on("error", onEnd);
  stdin.resume();
  return () => {
    stdin.off("data", onData);
    stdin.off("end", onEnd);
    stdin.pause();
    if (raw) stdin.setRawMode(false);
  };
}
