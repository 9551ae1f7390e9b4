/**
 * The Deno adapter. At load it keeps away from `process`, `Buffer` and all of `node:`: the first use of
 * any of them costs 10 to 25 ms on Deno.
 *
 * @module
 */

import type { Socket } from "node:net";
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

/** The slice of `Deno` that this adapter uses. */
interface Library {
  readonly symbols: Record<string, (...args: (number | Uint8Array)[]) => unknown>;
}
interface DenoGlobal {
  dlopen(
    path: string,
    symbols: Record<string, { parameters: readonly string[]; result: string }>,
  ): Library;
  execPath(): string;
  writeFileSync(path: string, bytes: Uint8Array, options: { create: boolean }): void;
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

/**
 * All numbers go in and out as BigInt, the one form of `i64` that Deno passes without a slow path:
 * 150 ns a call instead of 860. A symbol costs 0.25 ms to load, so there are few.
 */
type Native = (...args: bigint[]) => bigint;

let ctrSys: Native;
let numbers: (typeof NUMBERS)[Arch];

/** Load the trampoline and offer the door. */
export function denoDoor(): Door {
  const { arch } = Deno.build;
  const libc = openLibc(arch, (name) =>
    Deno.dlopen(name, {
      syscall: { parameters: [long, "buffer", long], result: long }, // long, const char *, unsigned
    })).symbols;
  const fd = libc.syscall!(NUMBERS[arch].memfdCreate, MEMFD_NAME, MFD_CLOEXEC);
  const path = `/proc/self/fd/${fd}`;
  Deno.writeFileSync(path, trampolineObject(arch), { create: false });
  const { ctr_sys, ctr_run, ctr_clone } = Deno.dlopen(path, {
    ctr_sys: { parameters: [long, long, long, long, long, long, long], result: long },
    ctr_run: { parameters: [long, long], result: long },
    ctr_clone: { parameters: [long, long, long, long, long], result: long },
  }).symbols as unknown as Record<"ctr_sys" | "ctr_run" | "ctr_clone", Native>;
  ctrSys = ctr_sys;
  numbers = NUMBERS[arch];
  sys(numbers.close, Number(fd));
  return {
    runtime: "deno",
    runtimeArgv: [Deno.execPath(), "run", "--allow-all", "--no-prompt", "--quiet"],
    arch,
    sys,
    runTable: (table, entries) => Number(ctr_run(BigInt(table), BigInt(entries))),
    cloneTable: (table, entries, args, size, report) =>
      Number(
        ctr_clone(BigInt(table), BigInt(entries), BigInt(args), BigInt(size), BigInt(report)),
      ),
    addressOf: (buffer) => Number(word(buffer)),
    memoryAt: (address, length) =>
      Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(BigInt(address)), length),
    connection,
    connect,
    listen,
    chunks,
  };
}

function sys(
  nr: number,
  a0?: SysArg,
  a1?: SysArg,
  a2?: SysArg,
  a3?: SysArg,
  a4?: SysArg,
  a5?: SysArg,
): number {
  return Number(
    ctrSys(BigInt(nr), word(a0), word(a1), word(a2), word(a3), word(a4), word(a5)),
  );
}

function word(arg: SysArg | undefined): bigint {
  if (arg === undefined) return 0n;
  if (typeof arg === "number") return BigInt(arg);
  return arg.byteLength === 0 ? 0n : Deno.UnsafePointer.value(Deno.UnsafePointer.of(arg));
}

function net(): typeof import("node:net") {
  return process.getBuiltinModule("node:net");
}

function wire(socket: Socket, handler: ConnectionHandler): void {
  socket.on("data", (bytes: Uint8Array) => handler.onData(bytes));
  socket.on("end", () => handler.onEnd());
  socket.on("error", () => {});
  socket.on("close", () => handler.onClose());
}

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
        const sent = sys(numbers.sendto, fd, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL);
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
    ref: () => void socket.ref(),
    unref: () => void socket.unref(),
  };
}

const connection: Door["connection"] = (fd, handler) => {
  const socket = new (net().Socket)({ fd, allowHalfOpen: true });
  wire(socket, handler);
  return wrap(socket, fd);
};

const connect: Door["connect"] = (path, handler) =>
  new Promise((resolve, reject) => {
    const socket = net().connect({ path, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      wire(socket, handler);
      resolve(wrap(socket));
    });
  });

/** Bound here, because `net.Server` would report a failure late and give the socket our umask. */
function listen(
  path: string,
  accept: (connection: Connection) => ConnectionHandler,
): Listener {
  const name = new TextEncoder().encode(path + "\0");
  const address = new Uint8Array(2 + name.length);
  address[0] = 1; // AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK
  address.set(name, 2);
  const fd = sys(numbers.socket, 1, 0o2004001, 0);
  sys(numbers.fchmod, fd, 0o600);
  const failed = fd < 0
    ? fd
    : sys(numbers.bind, fd, address, address.length) || sys(numbers.listen, fd, 512);
  if (failed < 0) {
    if (fd >= 0) sys(numbers.close, fd);
    throw listenError(path, -failed);
  }
  const server = net().createServer({ allowHalfOpen: true }, (socket) => {
    wire(socket, accept(wrap(socket)));
  });
  server.on("error", () => {});
  server.listen({ fd });
  return {
    close: () => {
      sys(numbers.unlinkat, -100, name, 0);
      server.close();
    },
  };
}

async function* chunks(
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
