/**
 * Connects our own stdin, terminal and signals to a process in a container.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import type { RunningContainer } from "../src/task/mod.ts";
import { DETACH_KEYS, detachFilter, parseDetachKeys } from "./detach_keys.ts";
import { forwardSignals } from "./signals.ts";
import { isTerminal, makeRaw, terminalSize } from "./terminal.ts";

const [STDIN, STDOUT] = [0, 1];

/** What is connected. */
export interface StdioOptions {
  readonly interactive: boolean;
  readonly tty: boolean;
  /** Whether signals are passed on. */
  readonly sigProxy: boolean;
  /** As `--detach-keys` has it; default {@link DETACH_KEYS}. */
  readonly detachKeys: string | undefined;
}

/** What can be connected to. */
export type Target = Pick<
  RunningContainer,
  "writeStdin" | "endStdin" | "kill" | "resize" | "detach"
>;

/** Docker's refusals, before anything is started: a terminal in the container needs one here. */
export function checkStdio({ interactive, tty, detachKeys }: StdioOptions): void {
  if (detachKeys !== undefined) parseDetachKeys(detachKeys);
  if (!tty || !interactive || isTerminal(STDIN)) return;
  throw new CtrError({
    code: "failed_precondition",
    operation: "attach terminal",
    reason: "the input device is not a TTY",
  });
}

/** The size that a new terminal in the container gets. */
export function initialSize(): { terminalSize?: { width: number; height: number } } {
  const size = terminalSize(STDOUT) ?? terminalSize(STDIN);
  return size === undefined ? {} : { terminalSize: size };
}

/**
 * Connect until the returned function is called, which restores the terminal.
 *
 * @param say where to tell that the keys were seen
 */
export function connectStdio(
  target: Target,
  options: StdioOptions,
  say: (text: string) => void,
): () => void {
  const undo: (() => void)[] = [];
  if (options.sigProxy) undo.push(forwardSignals((signal) => target.kill(signal)));
  if (options.tty) undo.push(followSize(target));
  if (options.interactive) undo.push(connectStdin(target, options, say));
  return () => {
    for (const step of undo.reverse()) step();
    undo.length = 0;
  };
}

function followSize(target: Target): () => void {
  const resize = () => {
    const size = terminalSize(STDOUT) ?? terminalSize(STDIN);
    if (size !== undefined) void target.resize(size.width, size.height).catch(() => {});
  };
  process.on("SIGWINCH", resize);
  resize();
  return () => void process.off("SIGWINCH", resize);
}

function connectStdin(
  target: Target,
  { tty, detachKeys }: StdioOptions,
  say: (text: string) => void,
): () => void {
  const { stdin } = process;
  const raw = tty && isTerminal(STDIN);
  const restore = raw ? makeRaw(STDIN) : () => {};
  const filter = raw ? detachFilter(parseDetachKeys(detachKeys || DETACH_KEYS)) : undefined;
  const onData = (chunk: Uint8Array) => {
    const { bytes, detached } = filter?.(chunk) ?? { bytes: chunk, detached: false };
    const pending = bytes.length === 0 ? undefined : target.writeStdin(bytes);
    if (detached) {
      restore();
      say("\r\nread escape sequence\n");
      return target.detach();
    }
    if (pending === undefined) return;
    stdin.pause();
    void pending.then(() => stdin.resume());
  };
  const onEnd = () => target.endStdin();
  stdin.on("data", onData);
  stdin.on("end", onEnd);
  stdin.on("error", onEnd);
  stdin.resume();
  process.on("exit", restore);
  return () => {
    process.off("exit", restore);
    stdin.off("data", onData);
    stdin.off("end", onEnd);
    stdin.off("error", onEnd);
    stdin.pause();
    restore();
  };
}
