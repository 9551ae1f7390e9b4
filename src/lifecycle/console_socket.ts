/**
 * Sends a descriptor to whoever waits for it at a unix socket.
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 * @module
 */

import { O } from "../linux/mod.ts";
import { call, close, open, ProgramBuilder, run } from "../program/mod.ts";

const [AF_UNIX, SOCK_STREAM, SOL_SOCKET, SCM_RIGHTS] = [1, 1, 1, 1];
const MSG_NOSIGNAL = 0x4000;

/**
 * Connect, send, close.
 *
 * @param name comes with it: what runc's callers take for the file's name
 * @throws {SyscallError} when nobody listens there
 */
export function sendDescriptor(path: string, fd: number, name: string): void {
  const socket = connect(path);
  try {
    const text = new TextEncoder().encode(name);
    const control = new DataView(new ArrayBuffer(24)); // struct cmsghdr, an int and padding
    control.setBigUint64(0, 20n, true);
    control.setInt32(8, SOL_SOCKET, true);
    control.setInt32(12, SCM_RIGHTS, true);
    control.setInt32(16, fd, true);
    const iov = new Uint8Array(16);
    new DataView(iov.buffer).setBigUint64(8, BigInt(text.length), true);
    const header = new Uint8Array(56);
    const words = new DataView(header.buffer);
    words.setBigUint64(24, 1n, true); // msg_iovlen
    words.setBigUint64(40, 24n, true); // msg_controllen
    const p = new ProgramBuilder("send");
    p.step("sendmsg", [socket, {
      bytes: header,
      pointers: [
        { offset: 16, to: { bytes: iov, pointers: [{ offset: 0, to: text }] } },
        { offset: 32, to: new Uint8Array(control.buffer) },
      ],
    }, MSG_NOSIGNAL], { name: "send a descriptor", subject: path });
    run(p);
  } finally {
    close(socket);
  }
}

function connect(path: string): number {
  // Through a descriptor: the path may be longer than what fits into an address.
  const place = open(path, O.O_PATH);
  const socket = call("socket", path, AF_UNIX, SOCK_STREAM | O.O_CLOEXEC, 0);
  try {
    const name = new TextEncoder().encode(`/proc/self/fd/${place}\0`);
    const address = new Uint8Array(2 + name.length);
    address[0] = AF_UNIX;
    address.set(name, 2);
    call("connect", path, socket, address, address.length);
    return socket;
  } catch (error) {
    close(socket);
    throw error;
  } finally {
    close(place);
  }
}

/** Send a process's descriptor. */
export function sendPidfd(path: string, pid: number): void {
  const pidfd = call("pidfd_open", String(pid), pid, 0);
  try {
    sendDescriptor(path, pidfd, "pidfd");
  } finally {
    close(pidfd);
  }
}
