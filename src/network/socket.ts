/**
 * Conversations with the kernel over netlink sockets, in this network namespace or in another.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { SyscallError } from "../errors.ts";
import { CLONE, ERRNO, errnoName, O } from "../linux/mod.ts";
import { call, close, open, ProgramBuilder, run, SYS, syscallError } from "../program/mod.ts";
import { AF } from "./addresses.ts";
import { u32 } from "./attributes.ts";
import {
  decodeMessages,
  encodeMessages,
  type Message,
  NLM_F,
  NLMSG_DONE,
  type Request,
  type Verdict,
  verdictOf,
} from "./netlink.ts";

/** Which part of the kernel a socket speaks to. */
export const NETLINK = { ROUTE: 0, NETFILTER: 12 } as const;

const SOCK_RAW = 3;
const SOL_NETLINK = 270;
const [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK] = [10, 11, 12];
/** As the kernel sends at most in one datagram of a dump. */
const BUFFER = 1 << 16;

/** What was asked, for the message of an error. */
export interface About {
  readonly operation: string;
  readonly subject: string;
}

/** The error of a request that the kernel refused. */
export function refused({ errno, text }: Verdict, { operation, subject }: About): SyscallError {
  return new SyscallError({
    operation,
    subject,
    syscall: "netlink",
    args: [],
    errno,
    errnoName: errnoName(errno),
    ...text === "" ? {} : { reason: `${text} (${errnoName(errno)})` },
  });
}

/** A netlink socket, which it owns. */
export class NetlinkSocket implements Disposable {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(BUFFER);
  #next = 1;

  constructor(protocol: number, fd: number = call("socket", "netlink", ...SOCKET, protocol)) {
    this.#fd = fd;
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) this.#set(option);
    if (protocol === NETLINK.ROUTE) this.#set(NETLINK_GET_STRICT_CHK);
  }

  #set(option: number): void {
    sys(SYS.setsockopt, this.#fd, SOL_NETLINK, option, u32(1), 4); // an old kernel says less
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }

  /**
   * Send requests as one datagram, and hear what came of each that wants to be told of, or failed.
   *
   * @returns by the request's place
   */
  tell(requests: readonly Request[], about: About): ReadonlyMap<number, Verdict> {
    const first = this.#send(requests, about);
    const verdicts = new Map<number, Verdict>();
    const awaited = requests.filter(({ flags }) => (flags & NLM_F.ACK) !== 0).length;
    for (let told = 0; told < awaited;) {
      for (const message of this.#receive(about)) {
        const verdict = verdictOf(message);
        const place = message.sequence - first;
        if (verdict === undefined || place < 0 || place >= requests.length) continue;
        verdicts.set(place, verdict);
        if ((requests[place]!.flags & NLM_F.ACK) !== 0) told++;
      }
    }
    return verdicts;
  }

  /**
   * Have things done, one after the other, all of which want an acknowledgement.
   *
   * @param options.fine errors that mean that it was done already
   * @throws {SyscallError} the first that was refused, in the kernel's words; those after it were tried
   */
  ask(
    requests: readonly Request[],
    { fine = [], ...about }: About & { readonly fine?: readonly number[] },
  ): void {
    for (const verdict of this.tell(requests, about).values()) {
      if (verdict.errno !== 0 && !fine.includes(verdict.errno)) throw refused(verdict, about);
    }
  }

  /** What the kernel knows of one thing; undefined when there is no such thing. */
  get(request: Request, about: About): Message | undefined {
    this.#send([request], about);
    const answer = this.#receive(about)[0];
    const verdict = answer === undefined ? undefined : verdictOf(answer);
    if (answer !== undefined && verdict === undefined) return answer;
    if (verdict?.errno === ERRNO.ENODEV || verdict?.errno === ERRNO.ENOENT) return undefined;
    throw refused(verdict ?? { errno: ERRNO.EIO, text: "" }, about);
  }

  /** All that there is. */
  dump(request: Request, about: About): Message[] {
    this.#send([request], about);
    const found: Message[] = [];
    while (true) {
      for (const message of this.#receive(about)) {
        const verdict = verdictOf(message);
        if (verdict === undefined) {
          found.push({ ...message, body: message.body.slice() });
          continue;
        }
        if (verdict.errno !== 0) throw refused(verdict, about);
        if (message.type === NLMSG_DONE) return found;
      }
    }
  }

  /** Returns the number of the first request. */
  #send(requests: readonly Request[], { subject }: About): number {
    const first = this.#next;
    this.#next += requests.length;
    const bytes = encodeMessages(requests, first);
    call("sendto", subject, this.#fd, bytes, bytes.length, 0, 0, 0);
    return first;
  }

  #receive({ subject }: About): Message[] {
    const got = call("recvfrom", subject, this.#fd, this.#buffer, BUFFER, 0, 0, 0);
    return decodeMessages(this.#buffer.subarray(0, got));
  }
}

const SOCKET = [AF.NETLINK, SOCK_RAW | O.O_CLOEXEC] as const;

/** The network namespace of a process; the caller closes the descriptor. */
export function namespaceOf(pid: number): number {
  return open(`/proc/${pid}/ns/net`, O.O_RDONLY);
}

/**
 * Run steps with this thread in another network namespace, in one call out of JavaScript: nothing else
 * of this process ever finds itself there.
 *
 * @param add appends steps, all of which may fail
 * @returns reads their results
 */
export function inNamespace(
  namespace: number,
  add: (p: ProgramBuilder) => void,
): ReturnType<typeof run> {
  const own = open("/proc/thread-self/ns/net", O.O_RDONLY);
  try {
    const p = new ProgramBuilder("enter network namespace");
    p.step("setns", [namespace, CLONE.CLONE_NEWNET]);
    const from = p.steps.length;
    add(p);
    // Whatever comes of them: this thread must go back.
    if (p.steps.slice(from).some(({ options }) => options.mayFail !== true)) {
      throw new TypeError("a step in another network namespace must be one that may fail");
    }
    p.step("setns", [own, CLONE.CLONE_NEWNET]);
    return run(p);
  } finally {
    close(own);
  }
}

/** A netlink socket of another network namespace. */
export function socketIn(namespace: number, protocol: number): NetlinkSocket {
  let socket!: ReturnType<ProgramBuilder["step"]>;
  const results = inNamespace(namespace, (p) => {
    socket = p.step("socket", [...SOCKET, protocol], { mayFail: true });
  });
  const fd = results(socket);
  if (fd >= 0) return new NetlinkSocket(protocol, fd);
  const about = { operation: "enter network namespace", subject: "netlink" };
  throw syscallError("socket", [String(protocol)], -fd, about);
}
