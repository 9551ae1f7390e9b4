/**
 * The command line by which containerd calls a shim: Go's flags, then a command.
 *
 * @module
 */

import { CtrError } from "../../errors.ts";

/** What it says. */
export interface ShimArguments {
  readonly command: "start" | "delete" | "serve" | "version";
  readonly id: string;
  readonly namespace: string;
  /** containerd's socket. */
  readonly address: string;
  /** The program that publishes events. */
  readonly publishBinary: string;
  /** Absent: the working directory. */
  readonly bundle?: string;
  /** For `serve`: where it listens. */
  readonly socket: string;
}

const FLAGS = {
  "address": "address",
  "bundle": "bundle",
  "id": "id",
  "namespace": "namespace",
  "publish-binary": "publishBinary",
  "socket": "socket",
} as const;
const COMMANDS: readonly string[] = ["start", "delete", "serve"];

/** Read them. @throws {CtrError} `invalid_argument` */
export function shimArguments(words: readonly string[]): ShimArguments {
  const given = { id: "", namespace: "", address: "", publishBinary: "", socket: "" };
  const values: Record<string, string> = given;
  let command = "";
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [, name, value] = /^--?([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) command = word;
    else if (name === "v" || name === "version") return { ...given, command: "version" };
    // It has no more to say then: errors come with their causes in one line.
    else if (name === "debug") continue;
    else if (name in FLAGS) values[FLAGS[name as keyof typeof FLAGS]] = value ?? words[++at] ?? "";
    else throw invalid(word, "there is no such flag");
  }
  if (!COMMANDS.includes(command)) {
    throw invalid(command, "it is called by containerd, with start or delete");
  }
  return { ...given, command: command as ShimArguments["command"] };
}

function invalid(subject: string, reason: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "use argument",
    subject,
    reason,
  });
}
