/**
 * The command line. It loads the one command that it runs.
 *
 * @module
 */

import { runtimeArgv, sys } from "../ffi/mod.ts";
import { SYS } from "../src/program/mod.ts";
import { loadSnapshotter, type OpenSnapshotter } from "../src/snapshot/mod.ts";
import { directories } from "../src/state/mod.ts";
import { type Engine, openEngine } from "../src/task/mod.ts";
import { now } from "../src/trace.ts";
import type { Context } from "./command.ts";
import { find } from "./commands.ts";
import { writeTo } from "./write.ts";
import { type Flags, HelpWanted, parse, type Parsed, type Spec } from "./flags.ts";

/** Flags before the command. */
export const GLOBAL = {
  name: "",
  usage: "[OPTIONS] COMMAND [ARG...]",
  summary: "A container engine without a daemon",
  args: [0, Infinity],
  passthrough: true,
  flags: {
    "data-root": {
      type: "string",
      ours: true,
      help: "Where images and containers are kept ($CTR_DATA_ROOT) (default /var/lib/ctr)",
    },
    "debug": {
      type: "bool",
      short: "D",
      help: "Show the causes of an error and the system call that failed",
    },
    "exec-root": {
      type: "string",
      ours: true,
      help: "Where the state of running containers is kept ($CTR_EXEC_ROOT) (default /run/ctr)",
    },
    "snapshotter": {
      type: "string",
      ours: true,
      help: "How image layers are kept: erofs, overlayfs, native, btrfs, zfs ($CTR_SNAPSHOTTER)",
    },
    "version": { type: "bool", short: "v", help: "Print version information and quit" },
  },
  missing: [
    ...["config", "context,c", "host,H", "log-level,l"],
    ...["tls", "tlscacert", "tlscert", "tlskey", "tlsverify", "namespace,n"],
  ],
} as const satisfies Spec<Flags>;

/**
 * Run the command line.
 *
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  const beganUs = now();
  let debug = false;
  let name = "";
  try {
    const { flags, args } = parse(GLOBAL, argv);
    debug = flags.debug;
    const { env } = process;
    const snapshotter = flags.snapshotter ?? (env["CTR_SNAPSHOTTER"] || undefined);
    const opener = snapshotter === undefined ? undefined : await loadSnapshotter(snapshotter);
    const context = contextOf(flags, beganUs, opener);
    if (flags.version) {
      const { VERSION } = await import("./version.ts");
      context.out(`ctr version ${VERSION}\n`);
      return 0;
    }
    const found = find(args);
    if ("load" in found) {
      name = found.name;
      return await (await found.load()).command.run(context, found.args);
    }
    const { overview, unknownCommand } = await import("./help.ts");
    if ("unknown" in found) throw unknownCommand(found.unknown);
    context.out(await overview(found.overview));
    return 0;
  } catch (error) {
    if (error instanceof HelpWanted) {
      const { helpText, overview } = await import("./help.ts");
      writeTo(1, error.spec === GLOBAL ? await overview(undefined) : helpText(error.spec));
      return 0;
    }
    const { failure } = await import("./failure.ts");
    const { text, exitCode } = failure(error, { command: name, debug });
    writeTo(2, text);
    return exitCode;
  }
  // The store is not closed: a clean close of SQLite's last connection writes its log back, which
  // the next process would only have to begin anew. What was committed is safe.
}

type GlobalFlags = Parsed<typeof GLOBAL["flags"]>["flags"];

function contextOf(
  flags: GlobalFlags,
  beganUs: number,
  openSnapshotter: OpenSnapshotter | undefined,
): Context {
  let engine: Engine | undefined;
  const { env } = process;
  return {
    env,
    beganUs,
    out: (text) => writeTo(1, text),
    err: (text) => writeTo(2, text),
    engine: () => engine ??= open(flags, env, openSnapshotter),
  };
}

function open(
  flags: GlobalFlags,
  env: Context["env"],
  openSnapshotter: OpenSnapshotter | undefined,
): Engine {
  const found = directories({
    dataRoot: flags["data-root"] ?? (env["CTR_DATA_ROOT"] || undefined),
    execRoot: flags["exec-root"] ?? (env["CTR_EXEC_ROOT"] || undefined),
    env,
    uid: process.getuid!(),
  });
  const roots = ["--data-root", found.data, "--exec-root", found.exec];
  return openEngine({
    directories: found,
    cleanupArgv: [...runtimeArgv, program("cli/main"), ...roots, "rm"],
    shimScript: program("src/shim/main"),
    unpackScript: program("src/image/unpack_worker"),
    openSnapshotter,
    env,
  });
}

/**
 * A program of ours, as a runtime's command line names it. In a bundle with byte code the module's own
 * URL is the one of the machine that built it, so there the runtime's argument tells where we are.
 */
function program(path: string): string {
  const script = process.argv[1]!;
  if (script.endsWith("/dist/cli/main.js")) {
    return `${script.slice(0, -"cli/main.js".length)}${path}.js`;
  }
  const { href } = new URL(`../${path}.ts`, import.meta.url);
  return href.startsWith("file://") ? decodeURIComponent(href.slice("file://".length)) : href;
}

// Everything is written; a runtime's own way out would take its heap apart before it ends.
if (import.meta.main) void main(process.argv.slice(2)).then((code) => sys(SYS.exit_group, code));
