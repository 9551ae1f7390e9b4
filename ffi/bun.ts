/**
 * The Bun adapter. Uses `Bun.FFI`, which is what `bun:ffi` wraps: importing the wrapper costs 0.5 ms
 * at start, and its conversions 40 ns per call.
 *
 * @module
 */

import type { Connection, ConnectionHandler, Door, Listener, SysArg } from "./types.ts";
import {
  type Arch,
  listenError,
  MEMFD_NAME,
  MFD_CLOEXEC,
  NUMBERS,
  openLibc,
  trampolineObject,
} from "./load.ts";
import { SocketWriter } from "./socket_writer.ts";

type Native = (...args: number[]) => number;

/** The slice of `Bun` that this adapter uses. */
interface BunSocket {
  write(bytes: Uint8Array): number;
  shutdown(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  ref(): void;
  unref(): void;
}
interface SocketHandlers {
  open(socket: BunSocket): void;
  data(socket: BunSocket, bytes: Uint8Array): void;
  drain(socket: BunSocket): void;
  end(socket: BunSocket): void;
  close(socket: BunSocket, error?: unknown): void;
  error(socket: BunSocket, error: unknown): void;
  connectError?(socket: BunSocket, error: unknown): void;
}
interface SocketOptions {
  readonly fd?: number;
  readonly unix?: string;
  readonly allowHalfOpen: true;
  readonly socket: SocketHandlers;
}
interface BunGlobal {
  readonly FFI: {
    dlopen(path: string, symbols: Record<string, { args: string[]; returns: string }>): {
      readonly symbols: Record<string, Native>;
    };
    ptr(buffer: Uint8Array): number;
    toArrayBuffer(address: number, offset: number, length: number): ArrayBuffer;
  };
  connect(options: SocketOptions): Promise<BunSocket>;
  listen(options: SocketOptions): { stop(): void };
  file(fd: number): { stream(): ReadableStream<Uint8Array> };
}
declare const Bun: BunGlobal;

/** Numbers in and out, exact up to 53 bits, which covers addresses. */
const long = "i64_fast";

let ctrSys: Native;
let numbers: (typeof NUMBERS)[Arch];
let ptr: BunGlobal["FFI"]["ptr"];

/** Load the trampoline and offer the door. */
export function bunDoor(): Door {
  const { FFI } = Bun;
  const arch: Arch = ({ x64: "x86_64", arm64: "aarch64" } as const)[process.arch as "x64"];
  numbers = NUMBERS[arch];
  ptr = FFI.ptr;
  const libc = openLibc(arch, (name) =>
    FFI.dlopen(name, {
      memfd_create: { args: ["ptr", "u32"], returns: "i32" }, // const char *name, unsigned flags
      write: { args: ["i32", "ptr", "u64"], returns: long }, // int, const void *, size_t
    })).symbols;
  const object = trampolineObject(arch);
  const fd = libc.memfd_create!(ptr(MEMFD_NAME), MFD_CLOEXEC);
  libc.write!(fd, ptr(object), object.length);
  const { ctr_sys, ctr_run, ctr_clone } = FFI.dlopen(`/proc/self/fd/${fd}`, {
    ctr_sys: { args: [long, long, long, long, long, long, long], returns: long },
    ctr_run: { args: [long, long], returns: long },
    ctr_clone: { args: [long, long, long, long, long], returns: long },
  }).symbols as Record<"ctr_sys" | "ctr_run" | "ctr_clone", Native>;
  ctrSys = ctr_sys;
  sys(numbers.close, fd);
  return {
    runtime: "bun",
    runtimeArgv: [process.execPath],
    arch,
    sys,
    runTable: ctr_run,
    cloneTable: ctr_clone,
    addressOf,
    memoryAt: (address, length) => FFI.toArrayBuffer(address, 0, length),
    connection,
    connect,
    listen,
    chunks,
  };
}

function sys(
  nr: number,
  a0: SysArg = 0,
  a1: SysArg = 0,
  a2: SysArg = 0,
  a3: SysArg = 0,
  a4: SysArg = 0,
  a5: SysArg = 0,
): number {
  return ctrSys(nr, word(a0), word(a1), word(a2), word(a3), word(a4), word(a5));
}

function word(arg: SysArg): number {
  return typeof arg === "number" ? arg : addressOf(arg);
}

function addressOf(buffer: Uint8Array): number {
  return buffer.byteLength === 0 ? 0 : ptr(buffer);
}

/** A connection whose socket may still be on its way, and the callbacks that feed it. */
function wire(handler: (connection: Connection) => ConnectionHandler): {
  connection: Connection;
  callbacks: SocketHandlers;
} {
  let socket: BunSocket | undefined;
  let paused = false, closed = false, ended = false, unrefed = false;
  const writer = new SocketWriter(
    (bytes) => socket === undefined ? 0 : socket.write(bytes),
    () => socket?.shutdown(),
  );
  const connection: Connection = {
    write: (bytes) => writer.write(bytes),
    end: () => writer.end(),
    close: () => {
      closed = true;
      socket?.terminate();
    },
    pause: () => {
      paused = true;
      socket?.pause();
    },
    resume: () => {
      paused = false;
      socket?.resume();
    },
    ref: () => {
      unrefed = false;
      socket?.ref();
    },
    unref: () => {
      unrefed = true;
      socket?.unref();
    },
  };
  const to = handler(connection);
  const callbacks: SocketHandlers = {
    open: (opened) => {
      socket = opened;
      if (closed) return opened.terminate();
      if (paused) opened.pause();
      if (unrefed) opened.unref();
      writer.drain();
    },
    data: (_, bytes) => to.onData(bytes),
    drain: () => writer.drain(),
    end: () => {
      ended = true;
      to.onEnd();
    },
    close: (_, error) => {
      // Bun reports no end when this side has shut down before the peer did.
      if (!ended && !closed && error === undefined) to.onEnd();
      writer.abandon();
      to.onClose();
    },
    error: () => {},
  };
  return { connection, callbacks };
}

const connection: Door["connection"] = (fd, handler) => {
  const { connection, callbacks } = wire(() => handler);
  Bun.connect({ fd, allowHalfOpen: true, socket: callbacks }).catch(() => handler.onClose());
  return connection;
};

const connect: Door["connect"] = async (path, handler) => {
  const { connection, callbacks } = wire(() => handler);
  await Bun.connect({ unix: path, allowHalfOpen: true, socket: callbacks });
  return connection;
};

function listen(
  path: string,
  accept: (connection: Connection) => ConnectionHandler,
): Listener {
  const accepted = new WeakMap<BunSocket, SocketHandlers>();
  const of = (socket: BunSocket): SocketHandlers => accepted.get(socket)!;
  const options: SocketOptions = {
    unix: path,
    allowHalfOpen: true,
    socket: {
      open: (socket) => {
        const { callbacks } = wire(accept);
        accepted.set(socket, callbacks);
        callbacks.open(socket);
      },
      data: (socket, bytes) => of(socket).data(socket, bytes),
      drain: (socket) => of(socket).drain(socket),
      end: (socket) => of(socket).end(socket),
      close: (socket, error) => of(socket).close(socket, error),
      error: () => {},
    },
  };
  // Bun binds before it returns, so the mask reaches no other file of this thread.
  const mask = sys(numbers.umask, 0o177);
  try {
    const server = Bun.listen(options);
    return { close: () => server.stop() };
  } catch (error) {
    throw listenError(path, Math.abs((error as { errno?: number }).errno ?? 0));
  } finally {
    sys(numbers.umask, mask);
  }
}

async function* chunks(
  fd: number,
  kind: "pipe" | "pty",
): AsyncIterableIterator<Uint8Array> {
  if (kind === "pty") {
    const flags = sys(numbers.fcntl, fd, 3); // F_GETFL
    sys(numbers.fcntl, fd, 4, flags | 0o4000); // F_SETFL, O_NONBLOCK
  }
  try {
    for await (const bytes of Bun.file(fd).stream()) yield bytes;
  } catch (error) {
    if (kind !== "pty" || (error as { code?: string }).code !== "EIO") throw error;
  } finally {
    sys(numbers.close, fd);
  }
}
