/**
 * `--publish` and `--expose`. Pure.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import type { PortBinding } from "../src/state/mod.ts";

function invalid(flag: string, subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: `use ${flag}`, subject, reason });
}

type Range = readonly [first: number, last: number];

function rangeOf(flag: string, whole: string, text: string): Range {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? first);
  if (match !== null && first >= 1 && last <= 65535 && first <= last) return [first, last];
  throw invalid(flag, whole, `${JSON.stringify(text)} is not a port, or a range of ports`);
}

function protocolOf(flag: string, whole: string, text: string): PortBinding["protocol"] {
  if (text === "tcp" || text === "udp" || text === "sctp") return text;
  throw invalid(flag, whole, `${JSON.stringify(text)} is not a protocol: it is tcp, udp or sctp`);
}

/**
 * `[[ADDRESS:][HOST_PORT]:]PORT[/PROTOCOL]`, where ports may be ranges; an address of IP version 6 may
 * be in brackets.
 *
 * @throws {CtrError} `invalid_argument`
 */
export function parsePublish(whole: string): PortBinding[] {
  const flag = "--publish";
  const slash = whole.lastIndexOf("/");
  const text = slash < 0 ? whole : whole.slice(0, slash);
  const protocol = protocolOf(
    flag,
    whole,
    slash < 0 ? "tcp" : whole.slice(slash + 1).toLowerCase(),
  );
  const colon = text.lastIndexOf(":");
  const [first, last] = rangeOf(flag, whole, text.slice(colon + 1));
  const before = colon < 0 ? "" : text.slice(0, colon);
  const hostColon = before.lastIndexOf(":");
  const bracket = before.lastIndexOf("]");
  const hasAddress = hostColon > bracket || bracket >= 0;
  const hostText = hostColon > bracket ? before.slice(hostColon + 1) : bracket >= 0 ? "" : before;
  const hostAddress = !hasAddress
    ? ""
    : (hostColon > bracket ? before.slice(0, hostColon) : before).replace(/^\[(.*)\]$/, "$1");
  if (hasAddress && !/^([\d.]+|[\da-f:.]*:[\da-f:.]*)$/i.test(hostAddress)) {
    throw invalid(flag, whole, `${JSON.stringify(hostAddress)} is not an IP address`);
  }
  const count = last - first + 1;
  const [hostFirst, hostLast] = hostText === "" ? [0, 0] : rangeOf(flag, whole, hostText);
  const hostCount = hostLast - hostFirst + 1;
  if (hostFirst > 0 && hostCount !== count && count !== 1) {
    throw invalid(flag, whole, "the ranges of ports are not of the same length");
  }
  return Array.from({ length: count }, (_, index) => ({
    protocol,
    hostAddress,
    // One port of the container takes the first of a range that is free.
    hostPort: hostFirst === 0 ? 0 : hostFirst + index,
    lastHostPort: hostFirst === 0 ? 0 : count === 1 ? hostLast : hostFirst + index,
    port: first + index,
  }));
}

/** `80`, `80/udp`, `8000-8010/tcp`. */
export function parseExpose(whole: string): string[] {
  const [text, protocol = "tcp"] = whole.split("/", 2) as [string, string?];
  const [first, last] = rangeOf("--expose", whole, text);
  const checked = protocolOf("--expose", whole, protocol.toLowerCase());
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${checked}`);
}
