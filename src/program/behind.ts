/**
 * Work that nobody waits for.
 *
 * @module
 */

import { close, pipe, waitFor } from "./calls.ts";
import { ProgramBuilder } from "./program.ts";
import { run, spawn } from "./run.ts";
import type { Program, Spawned } from "./types.ts";

const children = new Set<Spawned>();

/**
 * Run a program in a child that goes on when this process has ended, which may be at once: the child
 * has its memory, so not even that has to be taken apart before whoever waits for us is told. Nobody
 * learns whether a step failed; one that may not ends the program.
 *
 * A process that lives on reaps it when it leaves the next one behind.
 *
 * @param program its steps refer to none
 */
export function runBehind(program: Program): void {
  for (const child of children) {
    if (waitFor(child.pid) === undefined) continue;
    children.delete(child);
    child.free();
  }
  const p = new ProgramBuilder(program.name);
  p.step("setsid", []);
  // Whoever reads what we write waits for the last one to close it.
  p.step("close_range", [0, 0xffffffff, 0]);
  p.steps.push(...program.steps);
  try {
    const child = spawn(p);
    close(child.pidfd);
    children.add(child);
  } catch {
    run(program); // there is no room for another process
  }
}

/**
 * Have a child keep this process's memory until it has ended. The kernel takes the memory apart, which
 * needs 2 to 4 ms, before it tells whoever waits for us; so it does that when the child ends.
 *
 * To be called when all else is done, as the last thing before the end.
 */
export function leaveMemoryBehind(): void {
  const [read, write] = pipe();
  const p = new ProgramBuilder("keep memory");
  p.step("setsid", []);
  // Whoever reads what we write waits for the last one to close it.
  p.step("close_range", [0, read - 1, 0], { mayFail: true });
  p.step("close_range", [read + 1, 0xffffffff, 0]);
  p.step("read", [read, new Uint8Array(8), 1], { mayFail: true });
  try {
    close(spawn(p).pidfd);
  } catch {
    close(write); // it will take as long as it takes
  }
}
