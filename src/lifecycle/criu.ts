/**
 * Runs the program `criu`.
 *
 * @see https://criu.org
 * @module
 */

import { type CtrError, isNotFound } from "../errors.ts";
import { ensureDirectory, exists, readText, spawnHost, waitFor } from "../program/mod.ts";
import { containerError } from "./errors.ts";

/** The program, as it is on this host. */
export interface Criu {
  /** Absolute. */
  readonly executable: string;
  /** `NAME=VALUE`; it looks for programs itself. */
  readonly env: readonly string[];
}

/**
 * Look it up.
 *
 * @param operation what for: for the error message
 * @throws {CtrError} `not_implemented` where it is not installed
 */
export function findCriu(
  env: Readonly<Record<string, string | undefined>>,
  { operation, id }: { readonly operation: string; readonly id: string },
): Criu {
  const path = (env["PATH"] ?? "").split(":").filter((place) => place.startsWith("/"));
  const found = path.map((place) => `${place}/criu`).find(exists);
  if (found === undefined) {
    const reason = "criu is not installed";
    throw containerError("not_implemented", { operation, id, reason });
  }
  const entries = Object.entries(env).filter(([, value]) => value !== undefined);
  return { executable: found, env: entries.map(([name, value]) => `${name}=${value}`) };
}

/** A run of it. */
export interface CriuRun {
  readonly operation: string;
  readonly id: string;
  readonly args: readonly string[];
  /** Descriptors of this process that become 0, 1, 2 and so on of CRIU's. */
  readonly fds: readonly number[];
  /** Absolute: where it writes why it failed. */
  readonly log: string;
}

/**
 * Run it to its end.
 *
 * @throws {CtrError} `internal` with the last error of its log
 */
export function runCriu({ executable, env }: Criu, run: CriuRun): void {
  const { args, fds } = run;
  finishCriu(spawnHost({ argv: [executable, ...args], env, fds }), run);
}

/** The descriptor at which a CRIU that waits finds its gate. */
export const GATE_FD = 3;

/** Start it so that it waits at {@link GATE_FD} for a line; at the end of it, it ends. @returns its process id */
export function waitingCriu({ executable, env }: Criu, { args, fds }: CriuRun): number {
  const script = `read -r go <&${GATE_FD} && exec "$0" "$@" ${GATE_FD}<&-`;
  return spawnHost({ argv: ["/bin/sh", "-c", script, executable, ...args], env, fds });
}

/** Wait for its end. @throws as {@link runCriu} */
export function finishCriu(pid: number, { operation, id, log }: CriuRun): void {
  const { exitCode } = waitFor(pid, { block: true })!;
  if (exitCode === 0) return;
  const why = lastError(readLog(log)) ?? `exit code ${exitCode}`;
  throw failed(operation, id, `criu failed: ${why} (see ${log})`);
}

function failed(operation: string, id: string, reason: string): CtrError {
  return containerError("internal", { operation, id, reason });
}

function readLog(log: string): string {
  try {
    return readText(log);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return "";
  }
}

/** Errors that only tell that there was another. */
const FOLLOWS = /\bFAILED\.?$|: exited, status=/;

/** The last error of a log that says something: `(00.01) Error (criu/x.c:1): text`. */
export function lastError(log: string): string | undefined {
  const lines = log.split("\n").filter((line) => /\bError\b/.test(line));
  const line = lines.findLast((line) => !FOLLOWS.test(line)) ?? lines.at(-1);
  return line?.replace(/^(\(\d+\.\d+\)\s*)?(\d+:\s*)?/, "").trim();
}

/** The directories that CRIU does not make by itself. */
export function makeDirectories(
  { imagePath, workPath }: { readonly imagePath: string; readonly workPath: string },
): void {
  for (const directory of [imagePath, workPath]) ensureDirectory(directory, 0o700);
}
