/**
 * Asks a person at the terminal.
 *
 * @module
 */

import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { CtrError } from "../src/errors.ts";
import { isTerminal, makeRaw } from "./terminal.ts";

/**
 * Ask for a line.
 *
 * @param options.hidden what is typed is not shown
 * @throws {CtrError} `failed_precondition` when nobody is there; `canceled` by Ctrl-C
 */
export function askLine(prompt: string, { hidden }: { readonly hidden: boolean }): string {
  if (!isTerminal(0)) {
    throw new CtrError({
      code: "failed_precondition",
      operation: "perform an interactive login",
      reason: "standard input is not a terminal",
      hint: "use --username and --password-stdin",
    });
  }
  const fd = openSync("/dev/tty", "r+");
  const restore = makeRaw(0);
  try {
    writeSync(fd, prompt);
    const editor = lineEditor();
    const bytes = new Uint8Array(1);
    while (!editor.done) {
      if (readSync(fd, bytes) === 0) break;
      const echo = editor.type(bytes[0]!);
      if (!hidden && echo !== undefined) writeSync(fd, echo);
    }
    return editor.text();
  } finally {
    restore();
    writeSync(fd, "\n");
    closeSync(fd);
  }
}

/** The keys of a line, in raw mode. */
export function lineEditor(): {
  readonly done: boolean;
  /** @returns what to show for a byte. @throws {CtrError} `canceled` */
  type(byte: number): Uint8Array | undefined;
  text(): string;
} {
  const typed: number[] = [];
  let done = false;
  return {
    get done() {
      return done;
    },
    type(byte) {
      const [interrupt, end, backspace, lineFeed, carriageReturn, erase] = [3, 4, 8, 10, 13, 127];
      if (byte === interrupt) {
        throw new CtrError({ code: "canceled", operation: "log in", reason: "interrupted" });
      }
      if (byte === lineFeed || byte === carriageReturn || byte === end) {
        done = true;
        return undefined;
      }
      if (byte === backspace || byte === erase) {
        if (typed.length === 0) return undefined;
        // The last character, however many bytes it has.
        while ((typed.pop()! & 0xc0) === 0x80);
        return new TextEncoder().encode("\b \b");
      }
      typed.push(byte);
      return Uint8Array.of(byte);
    },
    text: () => new TextDecoder().decode(Uint8Array.from(typed)),
  };
}
