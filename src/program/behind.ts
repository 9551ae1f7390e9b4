/**
 * Work that nobody waits for.
 *
 * @module
 */

import { close } from "./calls.ts";
import { ProgramBuilder } from "./program.ts";
import { run, spawn } from "./run.ts";
import type { Program } from "./types.ts";

/**
 * Run a program in a child that goes on when this process has ended, which may be at once: the child
 * has its memory, so not even that has to be taken apart before whoever waits for us is told. Nobody
 * learns whether a step failed; one that may not ends the program.
 *
 * For a process that is about to end: nobody here reaps the child.
 *
 * @param program its steps refer to none
 */
export function runBehind(program: Program): void {
  const p = new ProgramBuilder(program.name);
  p.step("setsid", []);
  // Whoever reads what we write waits for the last one to close it.
  p.step("close_range", [0, 0xffffffff, 0]);
  p.steps.push(...program.steps);
  try {
    close(spawn(p).pidfd);
  } catch {
    run(program); // there is no room for another process
  }
}
