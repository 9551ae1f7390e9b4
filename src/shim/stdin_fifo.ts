/**
 * Input from the FIFO that a client of containerd names.
 *
 * @module
 */

import { chunks } from "../../ffi/mod.ts";
import { O } from "../linux/mod.ts";
import { close, open } from "../program/mod.ts";

/** Where input goes. */
export interface InputTarget {
  write(chunk: Uint8Array): Promise<void> | undefined;
  end(): void;
}

/**
 * A FIFO that is read as long as somebody may write to it. A client may go and another come: the end of
 * input is when nobody has it open and `endInput` was called.
 */
export class StdinFifo {
  #reader: number | undefined;
  #writer: number | undefined;

  constructor(path: string) {
    this.#reader = open(path, O.O_RDONLY | O.O_NONBLOCK);
    this.#writer = open(path, O.O_WRONLY | O.O_NONBLOCK);
  }

  /** Pass on what comes. */
  begin(target: InputTarget): void {
    const fd = this.#reader;
    this.#reader = undefined;
    if (fd !== undefined) void this.#pump(fd, target).catch(() => {});
  }

  /** The process reads end of file once the clients have closed it, too. */
  endInput(): void {
    if (this.#writer !== undefined) close(this.#writer);
    this.#writer = undefined;
  }

  /** The process is gone. */
  close(): void {
    this.endInput();
    if (this.#reader !== undefined) close(this.#reader);
    this.#reader = undefined;
  }

  async #pump(fd: number, target: InputTarget): Promise<void> {
    for await (const chunk of chunks(fd, "pipe")) await target.write(chunk);
    target.end();
  }
}
