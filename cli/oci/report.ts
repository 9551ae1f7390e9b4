/**
 * Tells what failed: one line on stderr for people, one in the log for callers.
 *
 * @module
 */

import { appendFileSync } from "node:fs";
import { UsageError } from "../flags.ts";
import { failure } from "../failure.ts";
import { writeTo } from "../write.ts";

/** Where and how. */
export interface ReportOptions {
  readonly program: string;
  /** `--log` */
  readonly log: string | undefined;
  /** `--log-format json` */
  readonly json: boolean;
  /** Add causes on stderr. */
  readonly debug: boolean;
}

/** Tell it. */
export function report(error: unknown, { program, log, json, debug }: ReportOptions): void {
  const { text } = failure(error, { command: "", debug });
  const line = error instanceof UsageError
    ? `${program}${error.command === "" ? "" : ` ${error.command}`}: ${error.reason}\n`
    : text.replace(/^ctr/, program);
  writeTo(2, line);
  if (log === undefined) return;
  const message = error instanceof Error ? error.message : String(error);
  try {
    appendFileSync(log, logLine(error instanceof UsageError ? error.reason : message, json));
  } catch (failed) {
    writeTo(2, `${program}: cannot write the log: ${(failed as Error).message}\n`);
  }
}

/** A line as runc's logger writes it. */
export function logLine(msg: string, json: boolean, time: Date = new Date()): string {
  const stamp = time.toISOString().replace(/\.\d+Z$/, "Z");
  return json
    ? `${JSON.stringify({ level: "error", msg, time: stamp })}\n`
    : `time=${JSON.stringify(stamp)} level=error msg=${JSON.stringify(msg)}\n`;
}
