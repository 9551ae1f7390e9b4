/**
 * Hands the listener of a seccomp filter to the agent that decides about system calls: over a unix
 * socket, together with who the process is.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#the-container-process-state
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciSeccomp, OciSpec } from "../oci/mod.ts";
import { call, close, type Memory, ProgramBuilder, run } from "../program/mod.ts";
import type { Filter, Notified } from "./seccomp_steps.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0x80000;
/** `sun_path` with its NUL. */
const PATH_MAX = 108;

/**
 * How to hand over the listener of a profile.
 *
 * @throws {CtrError} `invalid_argument` when nobody is to be told, or the process could not even say
 * that it has a listener
 */
export function deliveryOf(
  { ociVersion, annotations }: OciSpec,
  { listenerPath = "", listenerMetadata, syscalls = [] }: OciSeccomp,
): NonNullable<Filter["deliver"]> {
  const notified = syscalls.filter(({ action }) => action === "SCMP_ACT_NOTIFY");
  if (notified.some(({ names }) => names.includes("write"))) {
    throw invalid("SCMP_ACT_NOTIFY cannot be used for the write syscall");
  }
  if (listenerPath === "") throw invalid("SCMP_ACT_NOTIFY needs a listenerPath");
  const address = new TextEncoder().encode(`\x01\0${listenerPath}\0`); // AF_UNIX, little endian
  if (address.length > PATH_MAX + 2) {
    throw invalid(`listenerPath is longer than ${PATH_MAX - 1} bytes`);
  }
  return (listener, { pid, id, bundle, status, containerPid }: Notified) => {
    const state = { ociVersion, id, status, pid: containerPid, bundle };
    const text = JSON.stringify({
      ociVersion,
      fds: ["seccompFd"],
      pid,
      ...listenerMetadata === undefined ? {} : { metadata: listenerMetadata },
      state: annotations === undefined ? state : { ...state, annotations },
    });
    const socket = call("socket", listenerPath, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    try {
      const p = new ProgramBuilder("hand over the seccomp listener");
      const about = { name: "hand over the seccomp listener", subject: listenerPath };
      p.step("connect", [socket, address, address.length], about);
      const MSG_NOSIGNAL = 0x4000;
      const payload = new TextEncoder().encode(text);
      p.step("sendmsg", [socket, message(payload, listener), MSG_NOSIGNAL], about);
      run(p);
    } finally {
      close(socket);
    }
  };
}

/** `struct msghdr` with one piece of data and one descriptor. */
function message(data: Uint8Array, descriptor: number): Memory {
  const vector = new Uint8Array(16); // struct iovec
  new DataView(vector.buffer).setBigUint64(8, BigInt(data.length), true);
  const control = new Uint8Array(24); // struct cmsghdr, a descriptor, padding
  const words = new DataView(control.buffer);
  const [SOL_SOCKET, SCM_RIGHTS] = [1, 1];
  words.setBigUint64(0, 20n, true);
  words.setInt32(8, SOL_SOCKET, true);
  words.setInt32(12, SCM_RIGHTS, true);
  words.setInt32(16, descriptor, true);
  const header = new Uint8Array(56);
  const fields = new DataView(header.buffer);
  fields.setBigUint64(24, 1n, true);
  fields.setBigUint64(40, BigInt(control.length), true);
  return {
    bytes: header,
    pointers: [
      { offset: 16, to: { bytes: vector, pointers: [{ offset: 0, to: data }] } },
      { offset: 32, to: control },
    ],
  };
}

function invalid(reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "compile seccomp profile", reason });
}
