/**
 * Waits for a process and for signals at once, without an event loop.
 *
 * @see https://man7.org/linux/man-pages/man2/signalfd.2.html
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { SIGNALS } from "../../src/linux/mod.ts";
import { call, close, kill, open, SYS, waitFor } from "../../src/program/mod.ts";

/** What is passed on: not what tells about us, our children or our runtime. */
const PASSED = ([
  ...["SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTERM", "SIGSTKFLT"],
  ...["SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGXCPU", "SIGVTALRM", "SIGWINCH", "SIGIO"],
] as const).map((name) => SIGNALS[name]);

/** Signals that wait. */
export interface BlockedSignals {
  /** Block until a child has ended, and pass signals on to it meanwhile. @returns its exit code */
  waitFor(pid: number): number;
}

/** Block them; undefined where another thread would get them. */
export function blockSignals(): BlockedSignals | undefined {
  if (!isOnlyThread()) return undefined;
  const mask = new Uint8Array(8);
  for (const signal of PASSED) mask[(signal - 1) >> 3]! |= 1 << ((signal - 1) & 7);
  const [SIG_BLOCK, SFD_NONBLOCK_CLOEXEC] = [0, 0o2004000];
  call("rt_sigprocmask", "signals", SIG_BLOCK, mask, 0, 8);
  const fd = call("signalfd4", "signals", -1, mask, 8, SFD_NONBLOCK_CLOEXEC);
  return { waitFor: (pid) => waitWith(fd, pid) };
}

function waitWith(signals: number, pid: number): number {
  const pidfd = call("pidfd_open", String(pid), pid, 0);
  const POLLIN = 1;
  const polled = new Int32Array([pidfd, POLLIN, signals, POLLIN]);
  const info = new Uint8Array(128); // struct signalfd_siginfo
  try {
    while (true) {
      sys(SYS.ppoll, new Uint8Array(polled.buffer), 2, 0, 0, 0);
      while (sys(SYS.read, signals, info, info.length) === info.length) kill(pid, info[0]!);
      const ended = waitFor(pid);
      if (ended !== undefined) return ended.exitCode;
    }
  } finally {
    close(pidfd);
    close(signals);
  }
}

function isOnlyThread(): boolean {
  const fd = open("/proc/self/task", 0);
  try {
    const entries = new Uint8Array(1024);
    let length = call("getdents64", "/proc/self/task", fd, entries, entries.length);
    let count = 0;
    for (let at = 0; length > 0; count++) {
      const size = entries[at + 16]! | entries[at + 17]! << 8;
      at += size;
      length -= size;
    }
    const [DOT_AND_DOT_DOT, ONE] = [2, 1];
    return count === DOT_AND_DOT_DOT + ONE;
  } finally {
    close(fd);
  }
}
