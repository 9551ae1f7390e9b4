/**
 * `--change`: instructions of a Dockerfile that change an image's configuration. Pure.
 *
 * @see https://docs.docker.com/reference/cli/docker/container/commit/#change
 * @module
 */

import { CtrError } from "../errors.ts";

/** The `config` object of an image configuration. */
export type RunConfig = Readonly<Record<string, unknown>>;

/** A configuration after some instructions. @throws {CtrError} `invalid_argument` */
export function applyChanges(config: RunConfig, changes: readonly string[]): RunConfig {
  return changes.reduce(apply, config);
}

function apply(config: RunConfig, change: string): RunConfig {
  const match = /^\s*([A-Za-z]+)\s+(.*\S)\s*$/s.exec(change);
  if (match === null) throw wrong(change, "it is not INSTRUCTION ARGUMENT");
  const [, instruction, text] = match as unknown as [string, string, string];
  const merge = (key: string, names: readonly string[]): RunConfig => ({
    ...config,
    [key]: { ...config[key] as object, ...Object.fromEntries(names.map((name) => [name, {}])) },
  });
  switch (instruction.toUpperCase()) {
    case "CMD":
      return { ...config, Cmd: command(text) };
    case "ENTRYPOINT":
      return { ...config, Entrypoint: command(text) };
    case "ENV":
      return {
        ...config,
        Env: environment((config["Env"] ?? []) as string[], pairs(change, text)),
      };
    case "LABEL": {
      const labels = { ...config["Labels"] as object, ...Object.fromEntries(pairs(change, text)) };
      return { ...config, Labels: labels };
    }
    case "EXPOSE":
      return merge("ExposedPorts", text.split(/\s+/).map((port) => portOf(change, port)));
    case "VOLUME":
      return merge("Volumes", list(text) ?? text.split(/\s+/));
    case "USER":
      return { ...config, User: text };
    case "STOPSIGNAL":
      return { ...config, StopSignal: text };
    case "ONBUILD":
      return { ...config, OnBuild: [...(config["OnBuild"] ?? []) as string[], text] };
    case "WORKDIR": {
      const before = (config["WorkingDir"] as string | undefined) || "/";
      return { ...config, WorkingDir: text.startsWith("/") ? text : join(before, text) };
    }
    default:
      throw wrong(change, `${instruction.toUpperCase()} is not a valid change command`);
  }
}

function join(directory: string, path: string): string {
  return `${directory.replace(/\/$/, "")}/${path}`;
}

/** `["a", "b"]`, or a line for the shell. */
function command(text: string): readonly string[] {
  return list(text) ?? ["/bin/sh", "-c", text];
}

function list(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
  } catch {
    // Docker takes what is no JSON for a line.
  }
  return undefined;
}

function portOf(change: string, text: string): string {
  const match = /^(\d{1,5}(?:-\d{1,5})?)(?:\/(tcp|udp|sctp))?$/i.exec(text);
  if (match === null) throw wrong(change, `${JSON.stringify(text)} is not a port`);
  return `${match[1]}/${(match[2] ?? "tcp").toLowerCase()}`;
}

function environment(before: readonly string[], set: readonly [string, string][]): string[] {
  const variables = new Map(before.map((entry) => {
    const [name] = entry.split("=", 1) as [string];
    return [name, entry];
  }));
  for (const [name, value] of set) variables.set(name, `${name}=${value}`);
  return [...variables.values()];
}

/** `a=b c="d e"`, or the old form `a b c`, which is one. */
function pairs(change: string, text: string): [string, string][] {
  if (!/^[^\s"'=]+=/.test(text)) {
    const old = /^(\S+)\s+(.*)$/s.exec(text);
    if (old === null) throw wrong(change, "it has no value");
    return [[old[1]!, old[2]!]];
  }
  const found: [string, string][] = [];
  const word = /\s*((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+)/gsy;
  for (let match = word.exec(text); match !== null; match = word.exec(text)) {
    const plain = unquote(match[1]!);
    const equals = plain.indexOf("=");
    if (equals < 1) throw wrong(change, `${JSON.stringify(plain)} is not NAME=VALUE`);
    found.push([plain.slice(0, equals), plain.slice(equals + 1)]);
    if (word.lastIndex >= text.length) return found;
  }
  throw wrong(change, "a quote is not closed");
}

function unquote(word: string): string {
  return word.replace(
    /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/gs,
    (_, double?: string, single?: string, escaped?: string) =>
      double?.replace(/\\(["\\$])/g, "$1") ?? single ?? escaped ?? "",
  );
}

function wrong(subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "apply change", subject, reason });
}
