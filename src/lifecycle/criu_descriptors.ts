/**
 * The standard streams of a container, and its namespaces that others made: what connects it to the host
 * is not saved, but given back at restore.
 *
 * `descriptors.json` among the images has the streams by CRIU's names, `pipe:[INODE]` as runc has it; a
 * file of the host is `file[MOUNT:INODE]`.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { AT, O } from "../linux/mod.ts";
import type { OciSpec } from "../oci/mod.ts";
import { open, readText, readTextIfExists, SYS, writeFile } from "../program/mod.ts";
import type { Inherited } from "./criu_arguments.ts";

const encoder = new TextEncoder();

/** The names of a process's streams. */
export function streamsOf(pid: number): string[] {
  const mounts = new Set(
    readText(`/proc/${pid}/mountinfo`).split("\n").map((line) => line.split(" ", 1)[0]!),
  );
  return [0, 1, 2].map((fd) => {
    const link = linkOf(`/proc/${pid}/fd/${fd}`);
    if (!link.startsWith("/")) return link;
    const info = readTextIfExists(`/proc/${pid}/fdinfo/${fd}`) ?? "";
    const mount = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
    if (mount === undefined || mounts.has(mount)) return link;
    return `file[${Number(mount).toString(16)}:${inodeOf(`/proc/${pid}/fd/${fd}`).toString(16)}]`;
  });
}

/** Write them down. */
export function writeStreams(imagePath: string, streams: readonly string[]): void {
  writeFile(`${imagePath}/descriptors.json`, JSON.stringify(streams));
}

/** The streams that this process gives to a container that is restored: its own. */
export function inheritedStreams(imagePath: string): Inherited[] {
  const path = `${imagePath}/descriptors.json`;
  const streams: unknown = JSON.parse(readText(path));
  if (!Array.isArray(streams)) {
    const reason = "it is no list";
    throw new CtrError({ code: "data_loss", operation: "read", subject: path, reason });
  }
  const found = [...streams.slice(0, 3).entries()].filter(([, name]) => isForeign(String(name)))
    .map(([fd, name]) => ({ name: String(name), fd }));
  // Two streams can be one: CRIU takes the first that it finds.
  return found.filter(({ name }, at) => found.findIndex((other) => other.name === name) === at);
}

/** What CRIU has to be told of the streams when it saves them. */
export function externalFiles(streams: readonly string[]): string[] {
  return [...new Set(streams.filter((name) => name.startsWith("file[")))];
}

function isForeign(name: string): boolean {
  return /^(pipe:|file)\[/.test(name);
}

/** How CRIU is told of them: as the host's, or to join them. */
const EXTERNAL = { network: ["net", "extRootNetNS"], pid: ["pid", "extRootPidNS"] } as const;
const JOINED: Readonly<Record<string, string>> = {
  ipc: "ipc",
  uts: "uts",
  user: "user",
  time: "time",
};

/** The namespaces that are given by their paths. */
function givenNamespaces({ linux }: OciSpec): { readonly type: string; readonly path: string }[] {
  return (linux?.namespaces ?? []).flatMap(({ type, path }) => path ? [{ type, path }] : []);
}

/** Those that CRIU is not to save: `net[4026531840]:extRootNetNS`. */
export function externalNamespaces(spec: OciSpec, pid: number): string[] {
  return givenNamespaces(spec).flatMap(({ type }) => {
    if (type !== "network" && type !== "pid") return [];
    const [name, key] = EXTERNAL[type];
    return [`${name}[${inodeOf(`/proc/${pid}/ns/${name}`)}]:${key}`];
  });
}

/** Those that a container is restored in. @returns descriptors that the caller closes, and what to join */
export function namespacesToEnter(
  spec: OciSpec,
): { readonly opened: { readonly key: string; readonly fd: number }[]; readonly joined: string[] } {
  const given = givenNamespaces(spec);
  const joined = given.flatMap(({ type, path }) =>
    JOINED[type] === undefined ? [] : [`${JOINED[type]}:${path}`]
  );
  const opened = given.flatMap(({ type, path }) =>
    type === "network" || type === "pid"
      ? [{ key: EXTERNAL[type][1], fd: open(path, O.O_RDONLY) }]
      : []
  );
  return { opened, joined };
}

function linkOf(path: string): string {
  const buffer = new Uint8Array(4096);
  const length = sys(SYS.readlinkat, AT.AT_FDCWD, encoder.encode(`${path}\0`), buffer, 4096);
  return length < 0 ? "" : new TextDecoder().decode(buffer.subarray(0, length));
}

function inodeOf(path: string): bigint {
  const STATX_INO = 0x100;
  const buffer = new Uint8Array(256);
  sys(SYS.statx, AT.AT_FDCWD, encoder.encode(`${path}\0`), 0, STATX_INO, buffer);
  return new DataView(buffer.buffer).getBigUint64(32, true);
}
