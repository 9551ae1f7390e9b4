/**
 * Where a process's output goes whether or not somebody is attached: a log, or what containerd's
 * clients name.
 *
 * @module
 */

/** Takes output, in order. */
export interface OutputSink {
  /**
   * Take a piece.
   *
   * @returns a promise while it cannot take more; the process waits as long
   */
  write(stream: "stdout" | "stderr", chunk: Uint8Array): Promise<void> | undefined;
  /** The process has ended: from now on nobody has to be waited for who is not there. */
  ending?(): void;
  /** No more comes. Resolves when all of it is where it belongs. */
  close(): Promise<void> | void;
}
