/**
 * The Deno adapter. At load it keeps away from `process`, `Buffer` and all of `node:`: the first use of
 * any of them costs 10 to 25 ms on Deno.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { Connection, ConnectionHandler, Door, Listener, SysArg } from "./types.ts";
import { type Arch, openLibc, trampolineObject } from "./load.ts";

/** The slice of `Deno` that this adapter uses. */
interface Library {
  readonly symbols: Record<string, (...args: (number | bigint | Uint8Array | null)[]) => unknown>;
  close(): void;
}
interface DenoGlobal {
  dlopen(
    path: string,
    symbols: Record<string, { parameters: readonly string[]; result: string }>,
  ): Library;
  execPath(): string;
  readonly build: { readonly arch: Arch };
  readonly UnsafePointer: {
    of(value: Uint8Array): unknown;
    value(pointer: unknown): bigint;
    create(value: bigint): unknown;
  };
  readonly UnsafePointerView: { getArrayBuffer(pointer: unknown, length: number): ArrayBuffer };
}
declare const Deno: DenoGlobal;

const long = "i64";

export const arch: Arch = Deno.build.arch;

const trampoline = (() => {
  const libc = openLibc(arch, (name) =>
    Deno.dlopen(name, {
      memfd_create: { parameters: ["buffer", "u32"], result: "i32" }, // const char *name, unsigned flags
      write: { parameters: ["i32", "buffer", "usize"], result: "isize" }, // int, const void *, size_t
      close: { parameters: ["i32"], result: "i32" }, // int
    })).symbols;
  const object = trampolineObject(arch);
  const fd = Number(libc.memfd_create!(new Uint8Array([99, 116, 114, 0]), 1));
  libc.write!(fd, object, object.length);
  try {
    return Deno.dlopen(`/proc/self/fd/${fd}`, {
      ctr_sys: { parameters: [long, long, long, long, long, long, long], result: long },
      ctr_run: { parameters: [long, long], result: long },
      ctr_clone: { parameters: [long, long, long, long, long], result: long },
    }).symbols;
  } finally {
    libc.close!(fd);
  }
})();
const ctrSys = trampoline.ctr_sys!;

export const runtime: Door["runtime"] = "deno";
export const runtimeArgv: Door["runtimeArgv"] = [
  Deno.execPath(),
  "run",
  "--allow-all",
  "--no-prompt",
  "--quiet",
];

export function sys(
  nr: number,
  a0: SysArg = 0,
  a1: SysArg = 0,
  a2: SysArg = 0,
  a3: SysArg = 0,
  a4: SysArg = 0,
  a5: SysArg = 0,
): number {
  return Number(ctrSys(nr, word(a0), word(a1), word(a2), word(a3), word(a4), word(a5)));
}

function word(arg: SysArg): number {
  return typeof arg === "number" ? arg : addressOf(arg);
}

export const runTable: Door["runTable"] = (table, entries) =>
  Number(trampoline.ctr_run!(table, entries));

export const cloneTable: Door["cloneTable"] = (table, entries, args, size, report) =>
  Number(trampoline.ctr_clone!(table, entries, args, size, report));

export function addressOf(buffer: Uint8Array): number {
  if (buffer.byteLength === 0) return 0;
  return Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)));
}

export const memoryAt: Door["memoryAt"] = (address, length) =>
  Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(BigInt(address)), length);

function net(): typeof import("node:net") {
  return process.getBuiltinModule("node:net");
}

function wire(socket: Socket, handler: ConnectionHandler): void {
  socket.on("data", (bytes: Uint8Array) => handler.onData(bytes));
  socket.on("end", () => handler.onEnd());
  socket.on("error", () => {});
  socket.on("close", () => handler.onClose());
}

const SENDTO = arch === "x86_64" ? 44 : 206;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;

/**
 * With `fd`, bytes go straight to the kernel while the stream has none queued: a microsecond instead
 * of a turn of the event loop. What does not fit is copied, because the stream writes later.
 */
function wrap(socket: Socket, fd?: number): Connection {
  let draining: Promise<void> | undefined;
  return {
    write: (bytes) => {
      if (socket.destroyed || socket.writableEnded) return undefined;
      if (fd !== undefined && socket.writableLength === 0) {
        const sent = sys(SENDTO, fd, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL);
        if (sent === bytes.length) return undefined;
        if (sent > 0) bytes = bytes.subarray(sent);
      }
      if (socket.write(bytes.slice())) return undefined;
      return draining ??= new Promise((resolve) => {
        const done = () => {
          draining = undefined;
          socket.off("drain", done);
          socket.off("close", done);
          resolve();
        };
        socket.on("drain", done);
        socket.on("close", done);
      });
    },
    end: () => void socket.end(),
    close: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}

export const connection: Door["connection"] = (fd, handler) => {
  const socket = new (net().Socket)({ fd, allowHalfOpen: true });
  wire(socket, handler);
  return wrap(socket, fd);
};

export const connect: Door["connect"] = (path, handler) =>
  new Promise((resolve, reject) => {
    const socket = net().connect({ path, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      wire(socket, handler);
      resolve(wrap(socket));
    });
  });

export function listen(
  path: string,
  accept: (connection: Connection) => ConnectionHandler,
): Listener {
  const server = net().createServer({ allowHalfOpen: true }, (socket) => {
    wire(socket, accept(wrap(socket)));
  });
  server.on("error", () => {});
  server.listen(path);
  return { close: () => void server.close() };
}

export async function* chunks(
  fd: number,
  kind: "pipe" | "pty",
): AsyncIterableIterator<Uint8Array> {
  const stream = kind === "pipe"
    ? new (net().Socket)({ fd })
    : new (process.getBuiltinModule("node:tty").ReadStream)(fd);
  try {
    for await (const bytes of stream) yield bytes as Uint8Array;
  } catch (error) {
    if (kind !== "pty" || (error as { code?: string }).code !== "EIO") throw error;
  } finally {
    stream.destroy();
  }
}
