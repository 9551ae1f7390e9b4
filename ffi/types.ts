/**
 * The door to libc and the kernel: the one interface that the Bun and the Deno adapter implement.
 * Nothing outside `ffi/` knows which runtime it runs on.
 *
 * `node:fs`, `node:net` and `node:crypto` cost 4 to 10 ms to load on Bun, more than a container start
 * does. So what the start path needs of files and sockets goes through `sys` and the streams here.
 *
 * @module
 */

/** A user-space address. 47 bits on both architectures, so a number holds it exactly. */
export type Address = number;

/** An argument of a system call: a number, or a buffer whose address is passed. */
export type SysArg = number | Uint8Array;

/** A byte stream in both directions over a connected stream socket, which it owns. */
export interface Connection {
  /**
   * Queue bytes. They are copied if they cannot be sent at once.
   * @returns a promise while the peer is slow, nothing when all was handed to the kernel.
   */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** No more writes: the peer reads end of file once all queued bytes were sent. */
  end(): void;
  /** Close both directions now; `onClose` follows. */
  close(): void;
  /** Stop and go on calling `onData`. */
  pause(): void;
  resume(): void;
  /** Whether an open connection keeps the runtime from ending; at first it does. */
  ref(): void;
  unref(): void;
}

/** What becomes of a connection's input. */
export interface ConnectionHandler {
  /** The bytes are the callee's to keep. */
  onData(bytes: Uint8Array): void;
  /** The peer will write no more; called at most once, and before `onClose`. */
  onEnd(): void;
  /** Nothing can be sent or received any more. Called exactly once. */
  onClose(): void;
}

/** A listening unix socket. */
export interface Listener {
  close(): void;
}

/** What an adapter offers; `ffi/mod.ts` re-exports these under the same names. */
export interface Door {
  readonly runtime: "bun" | "deno";
  readonly arch: "x86_64" | "aarch64";
  /** The executable of the running JavaScript runtime and the arguments it wants before a script. */
  readonly runtimeArgv: readonly string[];

  /**
   * One raw system call on this thread.
   * @returns its result, or `-errno`.
   */
  sys(
    nr: number,
    a0?: SysArg,
    a1?: SysArg,
    a2?: SysArg,
    a3?: SysArg,
    a4?: SysArg,
    a5?: SysArg,
  ): number;
  /** Run a table on this thread. Returns the index of the failed entry, or -1. */
  runTable(table: Address, entries: number): number;
  /**
   * `clone3` with a `struct clone_args` of `size` bytes at `args`; the child runs the table and
   * writes the index of a failed entry to `report`. Returns the child's pid or `-errno`.
   */
  cloneTable(
    table: Address,
    entries: number,
    args: Address,
    size: number,
    report: Address,
  ): number;

  /** The address of a buffer's bytes; valid while the caller keeps the buffer alive. */
  addressOf(buffer: Uint8Array): Address;
  /** The bytes at an address that the caller has mapped and keeps mapped. */
  memoryAt(address: Address, length: number): ArrayBuffer;

  /** A connection over a connected stream-socket descriptor. */
  connection(fd: number, handler: ConnectionHandler): Connection;
  connect(path: string, handler: ConnectionHandler): Promise<Connection>;
  listen(path: string, accept: (connection: Connection) => ConnectionHandler): Listener;
  /**
   * The bytes of a pipe or pty master as they come, until end of file (EIO on a master). The
   * descriptor belongs to the iterator, which closes it when it ends or is returned early.
   */
  chunks(fd: number, kind: "pipe" | "pty"): AsyncIterableIterator<Uint8Array>;
}
