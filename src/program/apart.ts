/**
 * A child that leaves this process's memory and executable before it does anything else: it executes
 * the trampoline, a sealed program of one kilobyte that no file system has, and that runs the rest of
 * the table. What such a child is made to execute, look into or write to through `/proc/self/exe`,
 * `/proc/PID/exe` or `/proc/PID/mem` is that program, never the host's runtime (CVE-2019-5736).
 *
 * The table itself is a file in memory that both have mapped at the same address, so that results
 * and failures are read here as if the memory were shared.
 *
 * @module
 */

import { sys, trampoline } from "../../ffi/mod.ts";
import { AT, ERRNO, F } from "../linux/mod.ts";
import { call, close } from "./calls.ts";
import type { Encoded } from "./encode.ts";
import { ProgramBuilder, strings } from "./program.ts";
import { SYS } from "./syscalls.ts";
import type { Step } from "./types.ts";

const [MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_NOEXEC_SEAL, MFD_EXEC] = [1, 2, 8, 16];
const F_ADD_SEALS = 1033;
const [F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE] = [1, 2, 4, 8];
const NAME = new TextEncoder().encode("ctr\0");

/** The two files in memory that such a child needs; to be closed once it was cloned. */
export class Apart implements Disposable {
  /** Holds the table. */
  readonly table: number = memfd(MFD_NOEXEC_SEAL);
  readonly #program: number = memfd(MFD_EXEC);

  /**
   * The child's first steps.
   *
   * @param fds descriptors that its program needs; of the others, those that are close-on-exec are
   * closed
   */
  steps(fds: readonly number[]): readonly Step[] {
    const p = new ProgramBuilder("leave");
    const name = "leave the runtime";
    for (const fd of new Set([this.table, ...fds])) {
      // The step that uses one that is not there tells more.
      p.step("fcntl", [fd, F.F_SETFD, 0], { name, mayFail: true });
    }
    const argv = strings(["ctr", "init"]);
    p.step("execveat", [this.#program, "", argv, strings([]), AT.AT_EMPTY_PATH], { name });
    return p.steps;
  }

  /** Complete both files: the program goes on at `index`. Nobody can change it from here on. */
  seal({ arena, entries }: Encoded, index: number, report: number): void {
    call("fcntl", "memory", this.table, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW);
    const { object, parameters } = trampoline();
    const { address, size } = arena;
    const words = [address, size, this.table, index, entries, address + report];
    const view = new DataView(object.buffer, parameters);
    words.forEach((word, n) => view.setBigUint64(n * 8, BigInt(word), true));
    call("write", "memory", this.#program, object, object.length);
    const all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    call("fcntl", "memory", this.#program, F_ADD_SEALS, all);
  }

  [Symbol.dispose](): void {
    close(this.table);
    close(this.#program);
  }
}

/** A file in memory; `kind` says whether it can be executed, to kernels that ask (Linux 6.3). */
function memfd(kind: number): number {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const fd = sys(SYS.memfd_create, NAME, flags | kind);
  return fd === -ERRNO.EINVAL ? call("memfd_create", "memory", NAME, flags) : fd;
}
