/**
 * One call of a runtime's command line.
 *
 * @module
 */

import { CtrError } from "../../errors.ts";
import { O, PR, SIGNALS } from "../../linux/mod.ts";
import {
  close,
  ensureDirectory,
  kill,
  open,
  type ProgramBuilder,
  readTextIfExists,
  rmdir,
  spawnHost,
  unlink,
} from "../../program/mod.ts";
import type { Stdio } from "../types.ts";
import { childEnded } from "./children.ts";
import { commandError } from "./failure.ts";

/** A runtime, and where it keeps the state of one container. */
export interface RuntimeProgram {
  /** Of the executable. */
  readonly path: string;
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** The container's own directory, made if it is missing: all its state goes below. */
  readonly stateDir: string;
}

/** The directory that the runtime gets as `--root`. */
export function rootOf({ stateDir }: RuntimeProgram): string {
  return `${stateDir}/oci`;
}

/** Files that belong to one command. */
export class CommandFiles {
  static #count = 0;
  readonly directory: string;

  constructor({ stateDir }: RuntimeProgram) {
    this.directory = `${stateDir}/command-${process.pid}-${CommandFiles.#count++}`;
    ensureDirectory(this.directory, 0o700);
  }

  path(name: "log" | "output" | "pid" | "process.json"): string {
    return `${this.directory}/${name}`;
  }

  remove(): void {
    for (const name of ["log", "output", "pid", "process.json", "console.sock"]) {
      unlink(`${this.directory}/${name}`);
    }
    rmdir(this.directory);
  }
}

/** What a command is called with. */
export interface Invocation {
  /** The first is the command. */
  readonly args: readonly string[];
  readonly files: CommandFiles;
  /** The container's stdio; else what the command writes is the result. */
  readonly stdio?: Stdio | undefined;
  /** What the process does before it is the runtime. */
  readonly before?: ((p: ProgramBuilder) => void) | undefined;
  /** The container's command, where this one executes it. */
  readonly executable?: string | undefined;
  /** Kill it when it takes longer. */
  readonly patienceMs?: number;
}

/**
 * Call it, and wait until it has ended.
 *
 * @returns what it wrote, unless that went to the container's stdio
 * @throws {CtrError} with the runtime's own message
 */
export async function invoke(runtime: RuntimeProgram, call: Invocation): Promise<string> {
  const { files } = call;
  const log = files.path("log");
  const output = files.path("output");
  const global = ["--root", rootOf(runtime), "--log", log, "--log-format", "json"];
  const opened: number[] = [];
  const openOwn = (path: string, flags: number) => {
    opened.push(open(path, flags, 0o600));
    return opened.at(-1)!;
  };
  let pid: number;
  try {
    const { stdio } = call;
    const own = stdio === undefined
      ? [openOwn("/dev/null", O.O_RDONLY), openOwn(output, O.O_WRONLY | O.O_CREAT | O.O_APPEND)]
      : [];
    pid = spawnHost({
      argv: [runtime.path, ...global, ...call.args],
      env: runtime.env,
      fds: stdio === undefined
        ? [own[0]!, own[1]!, own[1]!]
        : [stdio.stdin, stdio.stdout, stdio.stderr],
      cwd: "/",
      before(p) {
        p.step("prctl", [PR.PR_SET_PDEATHSIG, SIGNALS.SIGKILL, 0, 0, 0]);
        call.before?.(p);
      },
    });
  } catch (cause) {
    throw cannotRun(runtime, cause);
  } finally {
    for (const fd of opened) close(fd);
  }
  const { patienceMs } = call;
  const timer = patienceMs === undefined
    ? undefined
    : setTimeout(() => kill(pid, SIGNALS.SIGKILL), patienceMs);
  const exitCode = await childEnded(pid);
  clearTimeout(timer);
  const written = readTextIfExists(output) ?? "";
  if (exitCode === 0) return written;
  throw commandError({
    runtime: runtime.path.slice(runtime.path.lastIndexOf("/") + 1),
    command: call.args[0]!,
    exitCode,
    log: readTextIfExists(log) ?? "",
    output: written,
  }, call.executable);
}

/** That the runtime cannot be executed says nothing about the container's command. */
function cannotRun({ path }: RuntimeProgram, cause: unknown): unknown {
  if (!(cause instanceof CtrError) || cause.operation !== "execute") return cause;
  const { code, reason } = cause;
  return new CtrError({ code, operation: "run OCI runtime", subject: path, reason, cause });
}
