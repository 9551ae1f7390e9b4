/**
 * Networks, and what their containers have of them while they run: addresses and ports. Loaded when
 * a network is needed.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { type Database, isUniqueViolation, type Row } from "./database.ts";
import type { EndpointRecord, NetworkRecord, PortRecord } from "./types.ts";

/** The networks of a store; all synchronous. */
export interface NetworkTable {
  /** Oldest first. */
  list(): NetworkRecord[];
  get(id: string): NetworkRecord | undefined;
  /**
   * By full ID, else name, else unique prefix of an ID.
   *
   * @throws {CtrError} `not_found`; `invalid_argument` when several IDs have this prefix
   */
  resolve(reference: string, operation: string): NetworkRecord;
  /** @throws {CtrError} `conflict` when the name is in use */
  insert(network: NetworkRecord): void;
  /** @returns whether it existed */
  remove(id: string): boolean;
  /** Where the search for the next free address begins; empty before the first. */
  nextAddress(id: string): string;
  setNextAddress(id: string, address: string): void;
  /** Of a network, or of a container. */
  endpoints(of: { readonly network?: string; readonly container?: string }): EndpointRecord[];
  /** @throws SQLite's UNIQUE error when the address is in use, or the container is connected */
  insertEndpoint(endpoint: EndpointRecord): void;
  /** Forget what a container has of a network. */
  disconnect(of: { readonly network: string; readonly container: string }): void;
  /** Of a container, or all. */
  ports(container?: string): PortRecord[];
  /** Whoever has this port, of whatever address. */
  portsAt(protocol: string, hostPort: number): PortRecord[];
  /** @throws SQLite's UNIQUE error when this port of this address is in use */
  insertPort(port: PortRecord): void;
  /** Forget all that a container has. @returns whether there was anything */
  release(container: string): boolean;
  /** The containers that have anything. */
  holders(): string[];
}

/** The network tables over an open database. */
export function networkTable(db: Database): NetworkTable {
  const parsed = (row: Row | undefined): NetworkRecord | undefined =>
    row && JSON.parse(row["record"] as string);
  return {
    list: () =>
      db.all("SELECT record FROM networks ORDER BY created_at, id").map((row) => parsed(row)!),
    get: (id) => parsed(db.get("SELECT record FROM networks WHERE id = ?", id)),
    resolve: (reference, operation) => {
      const sql =
        "SELECT record FROM networks WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC LIMIT 1";
      const exact = parsed(db.get(sql, reference));
      if (exact !== undefined) return exact;
      const rows = /^[0-9a-f]{1,63}$/.test(reference)
        ? db.all(
          "SELECT record FROM networks WHERE id >= ? AND id < ? LIMIT 2",
          reference,
          reference + "g",
        )
        : [];
      if (rows.length === 1) return parsed(rows[0])!;
      throw new CtrError({
        code: rows.length === 0 ? "not_found" : "invalid_argument",
        operation,
        subject: reference,
        reason: rows.length === 0 ? "no such network" : "multiple IDs found with provided prefix",
      });
    },
    insert: (network) => {
      try {
        db.run(
          "INSERT INTO networks (id, name, created_at, next_address, record) VALUES (?, ?, ?, '', ?)",
          network.id,
          network.name,
          network.createdAt,
          JSON.stringify(network),
        );
      } catch (cause) {
        if (!isUniqueViolation(cause)) throw cause;
        throw new CtrError({
          code: "conflict",
          operation: "create network",
          subject: network.name,
          reason: `network with name ${network.name} already exists`,
          cause,
        });
      }
    },
    remove: (id) => db.run("DELETE FROM networks WHERE id = ?", id).changes > 0,
    nextAddress: (id) =>
      (db.get("SELECT next_address FROM networks WHERE id = ?", id)?.["next_address"] ??
        "") as string,
    setNextAddress: (id, address) =>
      void db.run("UPDATE networks SET next_address = ? WHERE id = ?", address, id),
    endpoints: ({ network, container }) =>
      db.all(
        `SELECT record FROM endpoints WHERE ${network === undefined ? "container" : "network"} = ?
           ORDER BY rowid`,
        network ?? container ?? "",
      ).map((row) => JSON.parse(row["record"] as string)),
    insertEndpoint: (endpoint) =>
      void db.run(
        "INSERT INTO endpoints (network, container, ipv4, ipv6, record) VALUES (?, ?, ?, ?, ?)",
        endpoint.network,
        endpoint.container,
        endpoint.ipv4 ?? null,
        endpoint.ipv6 ?? null,
        JSON.stringify(endpoint),
      ),
    disconnect: ({ network, container }) => {
      db.run("DELETE FROM ports WHERE network = ? AND container = ?", network, container);
      db.run("DELETE FROM endpoints WHERE network = ? AND container = ?", network, container);
    },
    ports: (container) =>
      (container === undefined
        ? db.all("SELECT * FROM ports ORDER BY rowid")
        : db.all("SELECT * FROM ports WHERE container = ? ORDER BY rowid", container))
        .map(toPort),
    portsAt: (protocol, hostPort) =>
      db.all("SELECT * FROM ports WHERE protocol = ? AND host_port = ?", protocol, hostPort)
        .map(toPort),
    insertPort: (port) =>
      void db.run(
        `INSERT INTO ports (protocol, host_address, host_port, container, network, address, port)
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
        port.protocol,
        port.hostAddress,
        port.hostPort,
        port.container,
        port.network,
        port.address,
        port.port,
      ),
    release: (container) => {
      const ports = db.run("DELETE FROM ports WHERE container = ?", container).changes;
      return db.run("DELETE FROM endpoints WHERE container = ?", container).changes + ports > 0;
    },
    holders: () =>
      db.all("SELECT container FROM endpoints UNION SELECT container FROM ports")
        .map((row) => row["container"] as string),
  };
}

function toPort(row: Row): PortRecord {
  return {
    container: row["container"] as string,
    network: row["network"] as string,
    protocol: row["protocol"] as PortRecord["protocol"],
    hostAddress: row["host_address"] as string,
    hostPort: row["host_port"] as number,
    address: row["address"] as string,
    port: row["port"] as number,
  };
}
