/**
 * The command line. It loads the one command that it runs.
 *
 * @module
 */

import { CtrError, SyscallError } from "../src/errors.ts";
import { runtimeArgv, sys } from "../ffi/mod.ts";
import { SYS } from "../src/program/mod.ts";
import { directories } from "../src/state/mod.ts";
import { type Engine, openEngine } from "../src/task/mod.ts";
import type { Command, Context } from "./command.ts";

/** Where each command is. The values of `container` and the like are the same files. */
const COMMANDS: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  attach: () => import("./attach.ts"),
  create: () => import("./create.ts"),
  exec: () => import("./exec.ts"),
  images: () => import("./images.ts"),
  info: () => import("./info.ts"),
  inspect: () => import("./inspect.ts"),
  kill: () => import("./kill.ts"),
  logs: () => import("./logs.ts"),
  pause: () => import("./pause.ts"),
  ps: () => import("./ps.ts"),
  pull: () => import("./pull.ts"),
  rm: () => import("./rm.ts"),
  rmi: () => import("./rmi.ts"),
  run: () => import("./run.ts"),
  start: () => import("./start.ts"),
  stop: () => import("./stop.ts"),
  unpause: () => import("./unpause.ts"),
  version: () => import("./version.ts"),
  wait: () => import("./wait.ts"),
};

const GROUPS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  container: {
    attach: "attach",
    create: "create",
    exec: "exec",
    inspect: "inspect",
    kill: "kill",
    list: "ps",
    logs: "logs",
    ls: "ps",
    pause: "pause",
    ps: "ps",
    rm: "rm",
    run: "run",
    start: "start",
    stop: "stop",
    unpause: "unpause",
    wait: "wait",
  },
  image: { inspect: "inspect", list: "images", ls: "images", pull: "pull", rm: "rmi" },
  system: { info: "info" },
};

const encoder = new TextEncoder();

/** Write everything, also to a pipe that is full for a while. A reader that left ends us quietly. */
function writeTo(fd: number, text: string | Uint8Array): void {
  const EAGAIN = -11;
  const EPIPE = -32;
  let bytes = typeof text === "string" ? encoder.encode(text) : text;
  while (bytes.length > 0) {
    const wrote = sys(SYS.write, fd, bytes, bytes.length);
    if (wrote >= 0) bytes = bytes.subarray(wrote);
    else if (wrote === EAGAIN) {
      const POLLOUT = 4;
      const poll = new Uint8Array(new Int32Array([fd, POLLOUT]).buffer);
      sys(SYS.ppoll, poll, 1, 0, 0, 0);
    } else if (wrote === EPIPE) process.exit(141);
    else if (wrote !== -4) return; // EINTR is tried again; nowhere to complain about the rest
  }
}

/**
 * Run the command line.
 *
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  let engine: Engine | undefined;
  let debug = false;
  try {
    const { globals, rest } = splitGlobals(argv);
    debug = globals.debug;
    const context: Context = {
      env: process.env,
      out: (text) => writeTo(1, text),
      err: (text) => writeTo(2, text),
      engine: () => engine ??= open(globals),
    };
    if (globals.version) {
      context.out("ctr version 0.1.0\n");
      return 0;
    }
    const { name, args } = commandOf(rest);
    if (name === undefined || globals.help) {
      const { overview } = await import("./help.ts");
      context.out(overview(Object.keys(COMMANDS)));
      return 0;
    }
    const load = COMMANDS[name];
    if (load === undefined) {
      const { unknownCommand } = await import("./help.ts");
      throw unknownCommand(name, Object.keys(COMMANDS));
    }
    const { command } = await load();
    if (wantsHelp(name, args)) {
      const { helpText } = await import("./flags.ts");
      context.out(helpText(command.usage, command.summary, command.flags));
      return 0;
    }
    return await command.run(context, args);
  } catch (error) {
    writeTo(2, `ctr: ${error instanceof Error ? error.message : String(error)}\n`);
    if (debug) writeTo(2, `${details(error)}\n`);
    return exitCode(error, argv);
  }
  // The store is not closed: a clean close of SQLite's last connection writes its log back, which
  // the next process would only have to begin anew. What was committed is safe.
}

function open({ dataRoot, execRoot }: Globals): Engine {
  const found = directories({
    dataRoot,
    execRoot,
    env: process.env,
    uid: process.getuid!(),
  });
  // In a bundle this file is dist/cli/main.js, and the shim's program is bundled beside it.
  const script = process.argv[1]!;
  const bundled = script.endsWith("/cli/main.js");
  const roots = ["--data-root", found.data, "--exec-root", found.exec];
  return openEngine({
    directories: found,
    cleanupArgv: [...runtimeArgv, script, ...roots, "rm", "--force"],
    shimScript: bundled ? `${script.slice(0, -"cli/main.js".length)}src/shim/main.js` : undefined,
    env: process.env,
  });
}

interface Globals {
  debug: boolean;
  help: boolean;
  version: boolean;
  dataRoot: string | undefined;
  execRoot: string | undefined;
}

/** Flags before the command. */
function splitGlobals(argv: readonly string[]): { globals: Globals; rest: readonly string[] } {
  const globals: Globals = {
    debug: false,
    help: false,
    version: false,
    dataRoot: process.env.CTR_DATA_ROOT,
    execRoot: process.env.CTR_EXEC_ROOT,
  };
  for (let at = 0; at < argv.length; at++) {
    const [name, inline] = argv[at]!.split(/=(.*)/s, 2) as [string, string | undefined];
    const value = (): string => {
      const text = inline ?? argv[++at];
      if (text === undefined) throw badGlobal(`${name} needs a value`);
      return text;
    };
    if (name === "--debug" || name === "-D") globals.debug = true;
    else if (name === "--help" || name === "-h") globals.help = true;
    else if (name === "--version" || name === "-v") globals.version = true;
    else if (name === "--data-root") globals.dataRoot = value();
    else if (name === "--exec-root") globals.execRoot = value();
    else if (name.startsWith("-")) throw badGlobal(`unknown flag: ${name}`);
    else return { globals, rest: argv.slice(at) };
  }
  return { globals, rest: [] };
}

function badGlobal(reason: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "run ctr",
    reason,
    hint: 'see "ctr --help"',
  });
}

function commandOf(
  rest: readonly string[],
): { name: string | undefined; args: readonly string[] } {
  const [first, second] = rest;
  if (first === undefined || first === "help") return { name: undefined, args: [] };
  const group = Object.hasOwn(GROUPS, first) ? GROUPS[first]! : undefined;
  if (group === undefined) return { name: first, args: rest.slice(1) };
  if (second !== undefined && Object.hasOwn(group, second)) {
    return { name: group[second], args: rest.slice(2) };
  }
  return { name: second === undefined ? undefined : `${first} ${second}`, args: [] };
}

/** `--help` before the first argument; after it, flags belong to the container. */
function wantsHelp(name: string, args: readonly string[]): boolean {
  const own = name === "run" || name === "create" || name === "exec" || name === "attach"
    ? args.slice(0, Math.max(0, args.findIndex((arg) => !arg.startsWith("-"))) || undefined)
    : args;
  const end = own.indexOf("--");
  return (end < 0 ? own : own.slice(0, end)).includes("--help");
}

/** Docker's exit codes: `run` and its kin tell what went wrong, the others just that it did. */
function exitCode(error: unknown, argv: readonly string[]): number {
  if (error instanceof CtrError && error.operation === "execute") {
    return error.code === "not_found" ? 127 : 126;
  }
  const { rest } = (() => {
    try {
      return splitGlobals(argv);
    } catch {
      return { rest: [] };
    }
  })();
  const { name } = commandOf(rest);
  if ((error as Error | undefined)?.name === "UsageError") return 125;
  return name === "run" || name === undefined ? 125 : 1;
}

function details(error: unknown): string {
  const lines: string[] = [];
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    if (e instanceof SyscallError) {
      lines.push(`  ${e.syscall}(${e.args.join(", ")}) = -1 ${e.errnoName}`);
    }
    lines.push(`  ${e.stack ?? e.message}`);
  }
  return lines.join("\n");
}

if (import.meta.main) void main(process.argv.slice(2)).then((code) => process.exit(code));
