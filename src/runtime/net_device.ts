/**
 * Moves network devices of the host into a container's network namespace.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#network-devices
 * @module
 */

import { CtrError } from "../errors.ts";
import { CLONE, ERRNO, O } from "../linux/mod.ts";
import type { OciSpec } from "../oci/mod.ts";
import { call, close, open, ProgramBuilder, run, syscallError } from "../program/mod.ts";
import {
  IFF_UP,
  IFLA,
  keptAddress,
  linkHeader,
  linkOf,
  type Message,
  message,
  messages,
  nameBytes,
  NLM_F,
  NLMSG_DONE,
  NLMSG_ERROR,
  onLink,
  RTM,
  u32,
} from "./net_device_messages.ts";

/** A device, and what it is called in the container. */
interface Move {
  readonly from: string;
  readonly to: string;
}

/**
 * What moves the devices of a spec to where a process is.
 *
 * @throws {CtrError} `invalid_argument` for what makes no sense
 */
export function netDeviceMoves({ linux = {} }: OciSpec): (pid: number) => void {
  const network = linux.namespaces?.find(({ type }) => type === "network");
  if (network === undefined) throw invalid("network devices need a network namespace");
  const moves = Object.entries(linux.netDevices ?? {}).map(([from, { name }]) => ({
    from: checkedName(from),
    to: checkedName(name || from),
  }));
  return (pid) => moveDevices(moves, network.path || `/proc/${pid}/ns/net`);
}

function invalid(reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "move network device", reason });
}

function checkedName(name: string): string {
  const fine = /^[^\s/:\0]{1,15}$/.test(name) && name !== "." && name !== "..";
  if (fine) return name;
  throw invalid(`${JSON.stringify(name)} is not the name of one`);
}

function moveDevices(moves: readonly Move[], path: string): void {
  const namespace = open(path, O.O_RDONLY);
  try {
    using here = new Route(routeSocket());
    using there = new Route(routeSocket(namespace));
    for (const move of moves) moveDevice(here, there, move, namespace);
  } finally {
    close(namespace);
  }
}

function moveDevice(here: Route, there: Route, { from, to }: Move, namespace: number): void {
  const link = here.link(from);
  if (link === undefined) throw failed(from, "not_found", "there is no such device");
  if (there.link(to) !== undefined) {
    throw failed(from, "already_exists", `there is a device ${JSON.stringify(to)} already`);
  }
  // What goes down loses its addresses of IP version 6.
  const addresses = here.dump(message(RTM.GETADDR, NLM_F.DUMP, new Uint8Array(8)), from)
    .flatMap((address) => keptAddress(address, link.index) ?? []);
  here.ask(setLink(link.index, { change: IFF_UP }), from);
  try {
    const attributes = [
      [IFLA.NET_NS_FD, u32(namespace)],
      [IFLA.IFNAME, nameBytes(to)],
    ] as const;
    here.ask(message(RTM.NEWLINK, NLM_F.ACK, linkHeader(link.index), attributes), from);
  } catch (error) {
    if (link.flags & IFF_UP) here.ask(setLink(link.index, { flags: IFF_UP, change: IFF_UP }), from);
    throw error;
  }
  const moved = there.link(to);
  if (moved === undefined) throw failed(from, "internal", "it is not where it was moved to");
  for (const { fixed, attributes } of addresses) {
    const flags = NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL;
    there.ask(message(RTM.NEWADDR, flags, onLink(fixed, moved.index), attributes), from);
  }
  there.ask(setLink(moved.index, { flags: IFF_UP, change: IFF_UP }), from);
}

function failed(
  subject: string,
  code: "not_found" | "already_exists" | "internal",
  reason: string,
): CtrError {
  return new CtrError({ code, operation: "move network device", subject, reason });
}

function setLink(index: number, how: { flags?: number; change: number }): Uint8Array {
  return message(RTM.NEWLINK, NLM_F.ACK, linkHeader(index, how));
}

/** A netlink socket of this thread's network namespace, or of another. */
function routeSocket(namespace?: number): number {
  const AF_NETLINK = 16;
  const SOCK_RAW = 3;
  const args = [AF_NETLINK, SOCK_RAW | O.O_CLOEXEC, 0];
  if (namespace === undefined) return call("socket", "netlink", ...args);
  const own = open("/proc/thread-self/ns/net", O.O_RDONLY);
  try {
    const p = new ProgramBuilder("enter network namespace");
    p.step("setns", [namespace, CLONE.CLONE_NEWNET]);
    // Whatever comes of it: this thread must go back.
    const socket = p.step("socket", args, { mayFail: true });
    p.step("setns", [own, CLONE.CLONE_NEWNET]);
    const fd = run(p)(socket);
    if (fd >= 0) return fd;
    const about = { operation: "move network device", subject: "netlink" };
    throw syscallError("socket", args.map(String), -fd, about);
  } finally {
    close(own);
  }
}

/** A conversation with the kernel about links and addresses; owns its socket. */
class Route {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }

  /** A device by its name. */
  link(name: string): { readonly index: number; readonly flags: number } | undefined {
    const attributes = [[IFLA.IFNAME, nameBytes(name)]] as const;
    this.#send(message(RTM.GETLINK, 0, linkHeader(0), attributes), name);
    const [answer] = this.#receive(name);
    if (answer?.type === RTM.NEWLINK) return linkOf(answer);
    if (answer !== undefined && errnoOf(answer) === ERRNO.ENODEV) return undefined;
    throw this.#error(answer, name);
  }

  /** Have something done. */
  ask(request: Uint8Array, subject: string): void {
    this.#send(request, subject);
    const [answer] = this.#receive(subject);
    if (answer?.type !== NLMSG_ERROR || errnoOf(answer) !== 0) throw this.#error(answer, subject);
  }

  /** All that there is. */
  dump(request: Uint8Array, subject: string): Message[] {
    this.#send(request, subject);
    const found: Message[] = [];
    while (true) {
      for (const answer of this.#receive(subject)) {
        if (answer.type === NLMSG_DONE) return found;
        if (answer.type === NLMSG_ERROR) throw this.#error(answer, subject);
        found.push(answer);
      }
    }
  }

  #send(request: Uint8Array, subject: string): void {
    call("sendto", subject, this.#fd, request, request.length, 0, 0, 0);
  }

  #receive(subject: string): Message[] {
    const buffer = new Uint8Array(65536);
    return messages(
      buffer.subarray(0, call("recvfrom", subject, this.#fd, buffer, 65536, 0, 0, 0)),
    );
  }

  #error(answer: Message | undefined, subject: string): CtrError {
    const errno = answer === undefined ? 0 : errnoOf(answer);
    return syscallError("netlink", [JSON.stringify(subject)], errno, {
      operation: "move network device",
      subject,
    });
  }
}

function errnoOf({ type, body }: Message): number {
  return type === NLMSG_ERROR ? -new DataView(body.buffer, body.byteOffset).getInt32(0, true) : 0;
}
