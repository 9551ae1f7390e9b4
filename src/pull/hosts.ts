/**
 * How the machine's owner wants registries to be reached: containerd's `certs.d/HOST/hosts.toml`, or
 * the certificates of Docker's `certs.d/HOST`.
 *
 * @see https://github.com/containerd/containerd/blob/main/docs/hosts.md
 * @module
 */

import { readdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { codeOf, CtrError } from "../errors.ts";
import type { Tls } from "./exchange.ts";
import { parseToml, type TomlTable, type TomlValue } from "./toml.ts";

/** What a server may be asked to do. */
export type Capability = "pull" | "resolve" | "push";

/** A server that answers for a registry. */
export interface HostEntry {
  /** Where it is; undefined for the registry's own address. */
  readonly url: string | undefined;
  /** The URL is all of the path before the repository's name: `/v2/` is not added. */
  readonly overridePath: boolean;
  readonly capabilities: readonly Capability[];
  readonly tls: Tls | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** How long a connection may take. */
  readonly dialMs?: number | undefined;
}

const ALL: readonly Capability[] = ["pull", "resolve", "push"];

/**
 * The servers of a registry, in the order in which they are asked; empty where nothing is said.
 *
 * @param directories the `certs.d` directories; the first that knows the registry counts
 * @throws {CtrError} `invalid_argument` when a file cannot be understood
 */
export async function hostEntries(
  registry: string,
  directories: readonly string[],
): Promise<readonly HostEntry[]> {
  const names = [registry.replace(/:(\d+)$/, "_$1_"), registry, "_default"];
  for (const directory of directories.flatMap((root) => names.map((name) => `${root}/${name}`))) {
    const files = await readdir(directory).catch(() => undefined);
    if (files === undefined) continue;
    if (files.includes("hosts.toml")) return await fromToml(directory);
    const tls = await fromCertificates(directory, files);
    if (tls === undefined) continue;
    return [{ url: undefined, overridePath: false, capabilities: ALL, tls, headers: {} }];
  }
  return [];
}

async function fromToml(directory: string): Promise<HostEntry[]> {
  const path = `${directory}/hosts.toml`;
  try {
    const file = parseToml(await readFile(path, "utf8"));
    const { server, host = {} } = file;
    const entries: HostEntry[] = [];
    for (const [url, table] of Object.entries(tableOf(host))) {
      entries.push(await entryOf(url, tableOf(table), directory));
    }
    entries.push(await entryOf(server === undefined ? undefined : textOf(server), file, directory));
    return entries;
  } catch (cause) {
    throw new CtrError({
      code: cause instanceof SyntaxError || cause instanceof TypeError
        ? "invalid_argument"
        : codeOf(cause),
      operation: "read",
      subject: path,
      reason: (cause as Error).message,
      cause,
    });
  }
}

async function entryOf(
  url: string | undefined,
  table: TomlTable,
  directory: string,
): Promise<HostEntry> {
  const read = (path: string): Promise<string> => readFile(resolve(directory, path), "utf8");
  const ca = await Promise.all(textsOf(table["ca"] ?? []).map(read));
  const [pair] = clientsOf(table["client"] ?? []);
  const cert = pair === undefined ? undefined : await read(pair[0]);
  const key = pair === undefined ? undefined : pair[1] === "" ? cert : await read(pair[1]);
  const skipVerify = table["skip_verify"] === true;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(tableOf(table["header"] ?? {}))) {
    headers[name] = textsOf(value).join(", ");
  }
  const capabilities = textsOf(table["capabilities"] ?? [...ALL]) as Capability[];
  const unknown = capabilities.find((each) => !ALL.includes(each));
  if (unknown !== undefined) throw new TypeError(`there is no capability ${unknown}`);
  const dialMs = durationOf(table["dial_timeout"]);
  return {
    url: url === undefined || /^https?:\/\//.test(url) ? url : `https://${url}`,
    overridePath: table["override_path"] === true,
    capabilities,
    tls: ca.length === 0 && cert === undefined && !skipVerify
      ? undefined
      : { ca, cert, key, skipVerify },
    headers,
    ...dialMs === undefined ? {} : { dialMs },
  };
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "µs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's durations, in milliseconds: `1m30s`. */
function durationOf(value: TomlValue | undefined): number | undefined {
  if (value === undefined) return undefined;
  const text = textOf(value);
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  const total = parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS_MS[unit!]!, 0);
  if (parts.map(([part]) => part).join("") !== text || total <= 0) {
    throw new TypeError(`dial_timeout ${JSON.stringify(text)} is no duration such as "5s"`);
  }
  return Math.min(Math.ceil(total), 2 ** 31 - 1);
}

/** Docker's: `*.crt` are authorities, `NAME.cert` and `NAME.key` are the client's. */
async function fromCertificates(
  directory: string,
  files: readonly string[],
): Promise<Tls | undefined> {
  const read = (name: string): Promise<string> => readFile(`${directory}/${name}`, "utf8");
  const ca = await Promise.all(files.filter((name) => name.endsWith(".crt")).map(read));
  const client = files.find((name) => name.endsWith(".cert"))?.slice(0, -".cert".length);
  if (client !== undefined && !files.includes(`${client}.key`)) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "read",
      subject: `${directory}/${client}.cert`,
      reason: `there is no ${client}.key beside it`,
    });
  }
  if (ca.length === 0 && client === undefined) return undefined;
  return client === undefined ? { ca, skipVerify: false } : {
    ca,
    cert: await read(`${client}.cert`),
    key: await read(`${client}.key`),
    skipVerify: false,
  };
}

/** `"a.pem"`, `["a.pem"]`, `[["a.cert", "a.key"]]`. */
function clientsOf(value: TomlValue): [string, string][] {
  const all = Array.isArray(value) ? value : [value];
  return all.map((each) => {
    const [cert, key = ""] = textsOf(each);
    if (cert === undefined) throw new TypeError("client has no certificate");
    return [cert, key];
  });
}

function textsOf(value: TomlValue): string[] {
  return Array.isArray(value) ? value.map(textOf) : [textOf(value)];
}

function textOf(value: TomlValue): string {
  if (typeof value === "string") return value;
  throw new TypeError(`${JSON.stringify(value)} is no string`);
}

function tableOf(value: TomlValue): TomlTable {
  if (typeof value === "object" && !Array.isArray(value)) return value;
  throw new TypeError(`${JSON.stringify(value)} is no table`);
}
