/**
 * The terminal on a descriptor of ours, by ioctl: the runtimes' own raw mode still rewrites line
 * feeds, which full-screen programs count on to be left alone.
 *
 * @see https://man7.org/linux/man-pages/man2/TCSETS.2const.html
 * @module
 */

import { sys } from "../ffi/mod.ts";
import { SYS } from "../src/program/mod.ts";

const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TIOCGWINSZ = 0x5413;

/** `struct termios` of the kernel: four words of flags, a line discipline, 19 control characters. */
const TERMIOS_BYTES = 36;
const [VTIME, VMIN] = [5, 6];

/** True when the descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  return sys(SYS.ioctl, fd, TCGETS, new Uint8Array(TERMIOS_BYTES)) === 0;
}

/** Columns and rows, or undefined where there is no terminal or it does not know. */
export function terminalSize(fd: number): { width: number; height: number } | undefined {
  const size = new Uint16Array(4);
  if (sys(SYS.ioctl, fd, TIOCGWINSZ, new Uint8Array(size.buffer)) !== 0) return undefined;
  const [height, width] = size as unknown as [number, number];
  return width > 0 && height > 0 ? { width, height } : undefined;
}

/**
 * cfmakeraw(3): every key goes through as it is, and so does every byte of output.
 *
 * @returns a function that brings the terminal back to what it was, once
 */
export function makeRaw(fd: number): () => void {
  const before = new Uint8Array(TERMIOS_BYTES);
  if (sys(SYS.ioctl, fd, TCGETS, before) !== 0) return () => {};
  const raw = rawMode(before);
  sys(SYS.ioctl, fd, TCSETS, raw);
  let restored = false;
  return () => {
    if (!restored) sys(SYS.ioctl, fd, TCSETS, before);
    restored = true;
  };
}

/** The raw variant of a `struct termios`. */
export function rawMode(termios: Uint8Array): Uint8Array {
  const raw = termios.slice();
  const [input, output, control, local] = [0, 1, 2, 3] as const;
  const words = new Uint32Array(raw.buffer, 0, 4);
  const IGNBRK_BRKINT_PARMRK_ISTRIP_INLCR_IGNCR_ICRNL_IXON = 0o1 | 0o2 | 0o10 | 0o40 | 0o100 |
    0o200 | 0o400 | 0o2000;
  const [OPOST, CSIZE, PARENB, CS8] = [0o1, 0o60, 0o400, 0o60];
  const ECHO_ECHONL_ICANON_ISIG_IEXTEN = 0o10 | 0o100 | 0o2 | 0o1 | 0o100000;
  words[input]! &= ~IGNBRK_BRKINT_PARMRK_ISTRIP_INLCR_IGNCR_ICRNL_IXON;
  words[output]! &= ~OPOST;
  words[control] = (words[control]! & ~(CSIZE | PARENB)) | CS8;
  words[local]! &= ~ECHO_ECHONL_ICANON_ISIG_IEXTEN;
  const characters = 17;
  raw[characters + VMIN] = 1;
  raw[characters + VTIME] = 0;
  return raw;
}
