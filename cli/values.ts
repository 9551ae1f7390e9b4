/**
 * What people write for sizes, limits, mounts and variables, in Docker's notations.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import type { MountPoint } from "../src/state/mod.ts";

function invalid(what: string, text: string, reason: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: `use ${what}`,
    subject: text,
    reason,
  });
}

/** `512m` → bytes. Units are powers of 1024. */
export function parseBytes(what: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?$/i.exec(text.trim());
  if (match === null) throw invalid(what, text, "not a size such as 512m or 2g");
  const power = "kmgtp".indexOf(match[2]!.toLowerCase()) + 1;
  return Math.floor(Number(match[1]) * 1024 ** (match[2] === "" ? 0 : power));
}

/** `1.5` → billionths of a processor. */
export function parseCpus(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
    throw invalid("--cpus", text, "not a number of processors such as 1.5");
  }
  return Math.round(value * 1e9);
}

/** `nofile=1024:2048`; one number is both. */
export function parseUlimit(text: string): { name: string; soft: number; hard: number } {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) throw invalid("--ulimit", text, "not NAME=SOFT[:HARD]");
  const [, name, soft, hard = soft] = match;
  const known =
    "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack as";
  if (!known.split(" ").includes(name!)) throw invalid("--ulimit", text, "there is no such limit");
  if (Number(hard) !== -1 && (Number(soft) === -1 || Number(soft) > Number(hard))) {
    throw invalid("--ulimit", text, "the soft limit is above the hard limit");
  }
  return { name: name!, soft: Number(soft), hard: Number(hard) };
}

const BIND_OPTIONS = /^(ro|rw|z|Z|r?private|r?shared|r?slave|bind|rbind|rro)$/;

/** `-v SOURCE:TARGET[:OPTIONS]`. A relative source begins with a dot. */
export function parseVolume(text: string, cwd: string): MountPoint {
  const parts = text.split(":");
  if (parts.length > 3) throw invalid("--volume", text, "too many colons");
  const [first = "", second, third = ""] = parts;
  if (second === undefined) {
    throw new CtrError({
      code: "not_implemented",
      operation: "use --volume",
      subject: text,
      reason: "anonymous volumes are not supported yet",
    });
  }
  let source = first;
  if (/^\.\.?(\/|$)/.test(first)) {
    source = new URL(first, `file://${cwd}/`).pathname.replace(/(.)\/$/, "$1");
  } else if (!first.startsWith("/")) {
    throw new CtrError({
      code: "not_implemented",
      operation: "use --volume",
      subject: text,
      reason: "named volumes are not supported yet",
      hint: `for a directory write "./${first}:${second}"`,
    });
  }
  const options = third.split(",").filter((option) => option !== "");
  const unknown = options.find((option) => !BIND_OPTIONS.test(option));
  if (unknown !== undefined) throw invalid("--volume", text, `unknown option "${unknown}"`);
  return {
    type: "bind",
    source,
    destination: second,
    readonly: options.includes("ro"),
    options: options.filter((option) => !["ro", "rw", "z", "Z"].includes(option)),
  };
}

/** `--mount type=bind,source=…,target=…`. */
export function parseMount(text: string, cwd: string): MountPoint {
  const fields = new Map<string, string>();
  for (const field of text.split(",")) {
    const [key, value = "true"] = field.split(/=(.*)/s, 2) as [string, string?];
    fields.set(key.toLowerCase(), value);
  }
  const take = (...keys: string[]): string | undefined => {
    for (const key of keys) {
      const value = fields.get(key);
      if (fields.delete(key)) return value;
    }
    return undefined;
  };
  const flag = (...keys: string[]) => ["true", "1"].includes(take(...keys) ?? "false");
  const type = take("type") ?? "volume";
  if (type !== "bind" && type !== "tmpfs") {
    throw new CtrError({
      code: "not_implemented",
      operation: "use --mount",
      subject: text,
      reason: `type=${type} is not supported yet`,
    });
  }
  const destination = take("target", "destination", "dst");
  if (destination === undefined) throw invalid("--mount", text, "it has no target");
  const readonly = flag("readonly", "ro");
  const options: string[] = [];
  let source = type === "tmpfs" ? "tmpfs" : take("source", "src") ?? "";
  if (type === "bind") {
    if (source === "") throw invalid("--mount", text, "it has no source");
    if (!source.startsWith("/")) source = `${cwd}/${source}`;
    const propagation = take("bind-propagation");
    if (propagation !== undefined) options.push(propagation);
    if (flag("bind-nonrecursive")) options.push("bind");
    if (flag("bind-recursive-readonly")) options.push("rro");
  } else {
    const size = take("tmpfs-size");
    const mode = take("tmpfs-mode");
    if (size !== undefined) options.push(`size=${parseBytes("tmpfs-size", size)}`);
    if (mode !== undefined) options.push(`mode=${mode}`);
  }
  for (const key of fields.keys()) throw invalid("--mount", text, `unknown key "${key}"`);
  return { type, source, destination, readonly, options };
}

/** `--tmpfs TARGET[:OPTIONS]`. */
export function parseTmpfs(text: string): MountPoint {
  const [destination = "", options = ""] = text.split(/:(.*)/s, 2) as [string, string?];
  const list = options.split(",").filter((option) => option !== "");
  return {
    type: "tmpfs",
    source: "tmpfs",
    destination,
    readonly: list.includes("ro"),
    options: list.filter((option) => option !== "ro" && option !== "rw"),
  };
}

/** `-e NAME` takes the value from our own environment; a name without value there is left out. */
export function parseEnv(
  list: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const result: string[] = [];
  for (const entry of list) {
    if (entry === "" || entry.startsWith("=")) throw invalid("--env", entry, "it has no name");
    if (entry.includes("=")) result.push(entry);
    else if (env[entry] !== undefined) result.push(`${entry}=${env[entry]}`);
  }
  return result;
}

/** The lines of an `--env-file`: comments and empty lines are skipped, values are not quoted. */
export function parseEnvFile(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/).map((line) => line.trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"));
  for (const line of lines) {
    const name = line.split("=", 1)[0]!;
    if (/\s/.test(name)) {
      throw invalid("--env-file", line, `variable "${name}" contains white space`);
    }
  }
  return parseEnv(lines, env);
}

/** `KEY=VALUE` lists as an object; a key without value has an empty one. */
export function parsePairs(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((entry) => {
      const [key, value = ""] = entry.split(/=(.*)/s, 2) as [string, string?];
      return [key, value];
    }),
  );
}
