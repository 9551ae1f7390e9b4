/**
 * A unix socket for datagrams, which both systemd's journal and syslog take.
 *
 * @module
 */

import { sys } from "../../../ffi/mod.ts";
import { call, close, SYS } from "../../program/mod.ts";

const AF_UNIX = 1;
/** SOCK_DGRAM | SOCK_CLOEXEC. */
const DATAGRAM = 2 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const SOL_SOCKET = 1;
const SO_SNDTIMEO = 21;
/** Whoever does not take a datagram in this time loses it: a container must not stand still for a log. */
const PATIENCE_US = 200_000n;

/** A connected socket. */
export class Datagrams {
  readonly #fd: number;

  /** @throws {SyscallError} when nobody is at this path */
  constructor(path: string) {
    this.#fd = call("socket", path, AF_UNIX, DATAGRAM, 0);
    try {
      const address = new Uint8Array(110);
      address[0] = AF_UNIX;
      address.set(new TextEncoder().encode(path).subarray(0, 107), 2);
      call("connect", path, this.#fd, address, address.length);
      const patience = new Uint8Array(new BigInt64Array([0n, PATIENCE_US]).buffer);
      sys(SYS.setsockopt, this.#fd, SOL_SOCKET, SO_SNDTIMEO, patience, patience.length);
    } catch (error) {
      close(this.#fd);
      throw error;
    }
  }

  send(bytes: Uint8Array): void {
    sys(SYS.sendto, this.#fd, bytes, bytes.length, MSG_NOSIGNAL);
  }

  close(): void {
    close(this.#fd);
  }
}
