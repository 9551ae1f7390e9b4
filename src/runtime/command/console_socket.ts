/**
 * The socket by which a runtime hands over the master of a container's terminal.
 *
 * @see https://github.com/opencontainers/runc/blob/main/docs/terminals.md
 * @module
 */

import { addressOf, sys } from "../../../ffi/mod.ts";
import { CtrError } from "../../errors.ts";
import { ERRNO } from "../../linux/mod.ts";
import { call, close, O_ARCH, open, SYS } from "../../program/mod.ts";

const AF_UNIX = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK. */
const STREAM = 1 | 0o2000000 | 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** `struct msghdr` on 64-bit machines. */
const MSGHDR = 56;
/** `struct cmsghdr` with one descriptor. */
const CMSG = 24;

/** A socket that one runtime command connects to. */
export interface ConsoleSocket {
  /** For `--console-socket`. */
  readonly path: string;
  /**
   * The master that was sent; the command has ended.
   *
   * @throws {CtrError} `failed_precondition` when none was sent
   */
  receive(): number;
  close(): void;
}

/** Listen in a directory of this process's own. */
export function listenForConsole(directory: string): ConsoleSocket {
  const place = open(directory, O_ARCH.O_DIRECTORY);
  const listener = call("socket", "console socket", AF_UNIX, STREAM, 0);
  try {
    // A socket's path has 107 bytes: a long directory is named by our descriptor, there and here.
    const whole = `${directory}/console.sock`;
    const path = new TextEncoder().encode(whole).length <= 107
      ? whole
      : `/proc/${process.pid}/fd/${place}/console.sock`;
    const address = new Uint8Array(110);
    address[0] = AF_UNIX;
    address.set(new TextEncoder().encode(path), 2);
    call("bind", whole, listener, address, address.length);
    call("listen", whole, listener, 1);
    return {
      path,
      receive: () => receive(listener),
      close() {
        close(listener);
        close(place);
      },
    };
  } catch (error) {
    close(listener);
    close(place);
    throw error;
  }
}

function receive(listener: number): number {
  const connection = sys(SYS.accept4, listener, 0, 0, SOCK_CLOEXEC);
  if (connection === -ERRNO.EAGAIN) throw noConsole("nothing connected to the console socket");
  if (connection < 0) throw noConsole(`accept failed with errno ${-connection}`);
  try {
    return receiveDescriptor(connection);
  } finally {
    close(connection);
  }
}

/** The descriptor in the next message. */
function receiveDescriptor(connection: number): number {
  const data = new Uint8Array(4096);
  const control = new Uint8Array(CMSG);
  const vector = new BigUint64Array([BigInt(addressOf(data)), BigInt(data.length)]);
  const header = new Uint8Array(MSGHDR);
  const words = new DataView(header.buffer);
  words.setBigUint64(16, BigInt(addressOf(new Uint8Array(vector.buffer))), true);
  words.setBigUint64(24, 1n, true);
  words.setBigUint64(32, BigInt(addressOf(control)), true);
  words.setBigUint64(40, BigInt(control.length), true);
  call("recvmsg", "console socket", connection, header, MSG_CMSG_CLOEXEC);
  const message = new DataView(control.buffer);
  const sent = Number(words.getBigUint64(40, true)) >= 20 &&
    message.getInt32(8, true) === SOL_SOCKET && message.getInt32(12, true) === SCM_RIGHTS;
  // What the kernel wrote to must not have been collected.
  if (!sent || data.length + vector.length === 0) throw noConsole("no descriptor was sent");
  return message.getInt32(16, true);
}

function noConsole(reason: string): CtrError {
  return new CtrError({
    code: "failed_precondition",
    operation: "get the container's terminal",
    reason,
  });
}
