/**
 * Connects our terminal to one in a container.
 *
 * @module
 */

import { chunks, sys } from "../../ffi/mod.ts";
import { call, setNonblocking, SYS } from "../../src/program/mod.ts";
import { isTerminal, makeRaw, terminalSize } from "../terminal.ts";
import { writeTo } from "../write.ts";

const [STDIN, STDOUT] = [0, 1];
const TIOCSWINSZ = 0x5414;
const F_DUPFD_CLOEXEC = 1030;

/** A relay that runs. */
export interface Relay {
  /** The process has ended: write what is left, and restore our terminal. */
  finish(): Promise<void>;
}

/** @param master the container's terminal; whose owner this becomes */
export function relayTerminal(master: number): Relay {
  const input = call("fcntl", "terminal", master, F_DUPFD_CLOEXEC, 0);
  setNonblocking(master);
  const restore = isTerminal(STDIN) ? makeRaw(STDIN) : () => {};
  process.on("exit", restore);
  const resize = () => {
    const size = terminalSize(STDOUT) ?? terminalSize(STDIN);
    if (size === undefined) return;
    const words = new Uint16Array([size.height, size.width, 0, 0]);
    sys(SYS.ioctl, input, TIOCSWINSZ, new Uint8Array(words.buffer));
  };
  resize();
  process.on("SIGWINCH", resize);
  const { stdin } = process;
  const onData = (bytes: Uint8Array) => writeTo(input, bytes);
  stdin.on("data", onData);
  stdin.on("error", () => {});
  const output = (async () => {
    for await (const chunk of chunks(master, "pty")) writeTo(STDOUT, chunk);
  })().catch(() => {});
  return {
    async finish() {
      await output;
      process.off("SIGWINCH", resize);
      stdin.off("data", onData);
      stdin.pause();
      restore();
    },
  };
}
