/**
 * Which ports of this machine lead to a container. The caller has a transaction open.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { ERRNO, O } from "../linux/mod.ts";
import { close, SYS } from "../program/mod.ts";
import type { EndpointRecord, NetworkTable, PortBinding, PortRecord } from "../state/mod.ts";
import { AF, parseAddress } from "./addresses.ts";
import { be16, joined, u16 } from "./attributes.ts";

/** Numbers of the protocols that have ports. */
export const PROTOCOL = { tcp: 6, udp: 17, sctp: 132 } as const;

/** The ports that nobody else is given by the kernel or by IANA: Docker's choice, too. */
const [RANDOM_FIRST, RANDOM_LAST] = [49153, 65535];
const EVERYWHERE = ["0.0.0.0", "::"];

/** A port that somebody has: whose it is may be asked, and he may be gone. */
export class PortInUse extends CtrError {
  /** Containers; none when it is another program. */
  readonly holders: readonly string[];

  constructor(subject: string, holders: readonly string[]) {
    super({
      code: "conflict",
      operation: "publish port",
      subject,
      reason: "port is already allocated",
    });
    this.holders = holders;
  }
}

/**
 * Give ports to a container, on every address of the machine or on one, of the IP versions that the
 * container has.
 *
 * @throws {PortInUse}
 */
export function allocatePorts(
  table: NetworkTable,
  endpoint: EndpointRecord,
  bindings: readonly PortBinding[],
): PortRecord[] {
  return bindings.flatMap((binding) => {
    const hosts = hostAddresses(binding, endpoint);
    const { hostPort, lastHostPort } = binding;
    let failure: PortInUse | undefined;
    for (const candidate of candidates(hostPort, lastHostPort)) {
      try {
        const records = hosts.map(([hostAddress, address]): PortRecord => ({
          container: endpoint.container,
          network: endpoint.network,
          protocol: binding.protocol,
          hostAddress,
          hostPort: candidate,
          address,
          port: binding.port,
        }));
        for (const record of records) check(table, record);
        for (const record of records) table.insertPort(record);
        return records;
      } catch (error) {
        if (!(error instanceof PortInUse)) throw error;
        failure ??= error;
      }
    }
    throw failure ?? new PortInUse(`${binding.hostPort}`, []);
  });
}

/** Of a range the first that is free; of all, one after another from somewhere. */
function* candidates(first: number, last: number): Generator<number> {
  if (first > 0) {
    for (let port = first; port <= last; port++) yield port;
    return;
  }
  const size = RANDOM_LAST - RANDOM_FIRST + 1;
  const begin = Math.floor(Math.random() * size);
  for (let count = 0; count < size; count++) yield RANDOM_FIRST + (begin + count) % size;
}

/** Addresses of the machine, and where each leads. */
function hostAddresses(
  { hostAddress, port }: PortBinding,
  { ipv4, ipv6 }: EndpointRecord,
): (readonly [hostAddress: string, address: string])[] {
  const wanted = hostAddress === "" ? EVERYWHERE : [hostAddress];
  const found = wanted.flatMap((host) => {
    const address = host.includes(":") ? ipv6 : ipv4;
    return address === undefined ? [] : [[host, address] as const];
  });
  if (found.length > 0) return found;
  throw new CtrError({
    code: "invalid_argument",
    operation: "publish port",
    subject: String(port),
    reason: `the container has no address of the same IP version as ${hostAddress || "the host"}`,
  });
}

function check(table: NetworkTable, { protocol, hostAddress, hostPort }: PortRecord): void {
  const v6 = hostAddress.includes(":");
  const everywhere = EVERYWHERE.includes(hostAddress);
  const holders = table.portsAt(protocol, hostPort).filter((other) =>
    other.hostAddress.includes(":") === v6 &&
    (everywhere || EVERYWHERE.includes(other.hostAddress) || other.hostAddress === hostAddress)
  ).map(({ container }) => container);
  const subject = `${v6 ? `[${hostAddress}]` : hostAddress}:${hostPort}/${protocol}`;
  if (holders.length > 0) throw new PortInUse(subject, holders);
  const errno = tryBind(protocol, parseAddress(hostAddress), hostPort);
  if (errno === ERRNO.EADDRINUSE) throw new PortInUse(subject, []);
  if (errno === ERRNO.EADDRNOTAVAIL) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "publish port",
      subject,
      reason: "cannot assign requested address: this machine does not have it",
    });
  }
}

/** Whether some program of this machine has a port: what the kernel says to one more. */
function tryBind(protocol: PortRecord["protocol"], address: Uint8Array, port: number): number {
  const v6 = address.length === 16;
  const [SOCK_STREAM, SOCK_DGRAM] = [1, 2];
  const type = (protocol === "tcp" ? SOCK_STREAM : SOCK_DGRAM) | O.O_CLOEXEC;
  if (protocol === "sctp") return 0; // a kernel that has no such sockets can forward it
  const fd = sys(SYS.socket, v6 ? AF.INET6 : AF.INET, type, PROTOCOL[protocol]);
  if (fd < 0) return -fd;
  const [SOL_SOCKET, SO_REUSEADDR, SOL_IPV6, IPV6_V6ONLY] = [1, 2, 41, 26];
  const one = new Uint8Array([1, 0, 0, 0]);
  // As a server does: connections that have ended do not count.
  if (protocol === "tcp") sys(SYS.setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, one, 4);
  if (v6) sys(SYS.setsockopt, fd, SOL_IPV6, IPV6_V6ONLY, one, 4);
  const name = v6
    ? joined([u16(AF.INET6), be16(port), new Uint8Array(4), address, new Uint8Array(4)])
    : joined([u16(AF.INET), be16(port), address, new Uint8Array(8)]);
  const result = sys(SYS.bind, fd, name, name.length);
  close(fd);
  return -result;
}
