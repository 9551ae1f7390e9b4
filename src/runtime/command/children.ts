/**
 * Waits for child processes without blocking and without polling.
 *
 * @module
 */

import { sys } from "../../../ffi/mod.ts";
import { PR } from "../../linux/mod.ts";
import { call, SYS, waitFor } from "../../program/mod.ts";

const waiting = new Map<number, (exitCode: number) => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** A listener for a signal does not keep a runtime from ending; this does. */
const KEEP_ALIVE_MS = 1000;

/** Resolves with the exit code, 128+n for a signal, when a child has ended; reaps it. */
export function childEnded(pid: number): Promise<number> {
  return new Promise((resolve) => {
    waiting.set(pid, resolve);
    if (timer === undefined) {
      process.on("SIGCHLD", reap);
      timer = setInterval(reap, KEEP_ALIVE_MS);
    }
    reap();
  });
}

function reap(): void {
  for (const [pid, resolve] of waiting) {
    const ended = waitFor(pid);
    if (ended === undefined) continue;
    waiting.delete(pid);
    resolve(ended.exitCode);
  }
  if (waiting.size > 0) return;
  clearInterval(timer);
  timer = undefined;
  process.off("SIGCHLD", reap);
}

/** Commands that are under way, or whose results their callers do not have yet. */
let underWay = 0;

/**
 * A command begins. While one is under way no orphan is reaped: a process whose id nobody knows yet may
 * be what it makes.
 *
 * @returns to be called at its end; the caller may then go on to tell what was made, and `then` follows
 */
export function commandBegins(then: () => void): () => void {
  underWay++;
  return () => {
    setTimeout(() => {
      underWay--;
      then();
    }, 0);
  };
}

/** Reap the children that have ended and that nobody owns. */
export function reapOrphans(owned: (pid: number) => boolean): void {
  while (underWay === 0 && waiting.size === 0) {
    const pid = endedChild();
    if (pid === undefined || owned(pid)) return;
    waitFor(pid);
  }
}

/** A child that has ended and is still to be reaped. */
function endedChild(): number | undefined {
  const P_ALL = 0;
  const [WNOHANG, WEXITED, WNOWAIT] = [1, 4, 0x1000000];
  const info = new Int32Array(32);
  const options = WNOHANG | WEXITED | WNOWAIT;
  if (sys(SYS.waitid, P_ALL, 0, new Uint8Array(info.buffer), options, 0) < 0) return undefined;
  const SI_PID = 4;
  return info[SI_PID] || undefined;
}

/**
 * Become the parent of processes whose own parent ends, which is how a runtime's command hands a
 * container over. For good, and for the whole process.
 */
export function becomeSubreaper(): void {
  call("prctl", "child subreaper", PR.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}
