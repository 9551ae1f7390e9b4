/**
 * `ctr-oci`: an OCI runtime with runc's command line, for podman, dockerd, containerd and whoever else
 * starts containers from bundles. It loads the one command that it runs.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { mapsAllIds } from "../../src/linux/mod.ts";
import { readText, SYS } from "../../src/program/mod.ts";
import { type Flags, HelpWanted, parse, type Parsed, type Spec } from "../flags.ts";
import { writeTo } from "../write.ts";
import { type Command, type Context, twoDashes } from "./command.ts";

type Load = () => Promise<{ readonly command: Command }>;

/** A file per command. */
export const COMMANDS: Readonly<Record<string, Load>> = {
  checkpoint: () => import("./checkpoint.ts"),
  create: () => import("./create.ts"),
  delete: () => import("./delete.ts"),
  events: () => import("./events.ts"),
  exec: () => import("./exec.ts"),
  features: () => import("./features.ts"),
  kill: () => import("./kill.ts"),
  list: () => import("./list.ts"),
  pause: () => import("./pause.ts"),
  ps: () => import("./ps.ts"),
  restore: () => import("./restore.ts"),
  resume: () => import("./resume.ts"),
  run: () => import("./run.ts"),
  spec: () => import("./spec.ts"),
  start: () => import("./start.ts"),
  state: () => import("./state.ts"),
  update: () => import("./update.ts"),
};

/** Flags before the command. */
export const GLOBAL = {
  name: "",
  usage: "[global options] COMMAND [options] [arguments...]",
  summary: "An OCI runtime",
  args: [0, Infinity],
  passthrough: true,
  flags: {
    "debug": { type: "bool", help: "Add causes to errors, and warnings to the log" },
    "log": { type: "string", help: "The file that errors are written to, too" },
    "log-format": { type: "string", default: "text", help: "text or json" },
    "root": {
      type: "string",
      help: "Where the state of containers is kept (default /run/ctr-oci)",
    },
    "criu": { type: "string", hidden: true, help: "Obsolete" },
    "rootless": { type: "string", default: "auto", help: "true, false or auto" },
    "systemd-cgroup": { type: "bool", help: "Let systemd make the cgroups" },
    "version": { type: "bool", short: "v", help: "Print the version" },
  },
} as const satisfies Spec<Flags>;

type GlobalFlags = Parsed<typeof GLOBAL["flags"]>["flags"];

/** Run the command line. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  const { env } = process;
  const program = env["CTR_OCI_NAME"] || "ctr-oci";
  if (program === "containerd-shim-ctr-v2") return await (await import("./shim.ts")).main(argv);
  let flags: GlobalFlags | undefined;
  let name = "";
  try {
    const parsed = parse(GLOBAL, twoDashes(GLOBAL, argv));
    flags = parsed.flags;
    const [word, ...args] = parsed.args;
    const context = contextOf(flags, { env, program });
    if (flags.version) {
      const { versionText } = await import("./version.ts");
      context.out(versionText(program));
      return 0;
    }
    if (word === undefined || word === "help") throw new HelpWanted(GLOBAL);
    name = word;
    if (!Object.hasOwn(COMMANDS, word)) {
      const { UsageError } = await import("../flags.ts");
      throw new UsageError({ command: "", reason: `no such command: ${word}`, exitCode: 1 });
    }
    const { command } = await COMMANDS[word]!();
    return await command.run(context, args);
  } catch (error) {
    if (error instanceof HelpWanted) {
      const { helpText } = await import("./help.ts");
      writeTo(1, helpText(error.spec, { program, commands: COMMANDS }));
      return 0;
    }
    const { report } = await import("./report.ts");
    report(error, {
      program,
      log: flags?.log,
      json: flags?.["log-format"] === "json",
      debug: flags?.debug === true,
    });
    // As runc: what could not be added is told apart from what was added and failed.
    return name === "exec" ? 255 : 1;
  }
}

function contextOf(
  flags: GlobalFlags,
  { env, program }: { readonly env: Context["env"]; readonly program: string },
): Context {
  const root = flags.root ?? defaultRoot(env);
  return {
    root: root.startsWith("/") ? root : `${process.cwd()}/${root}`,
    systemdCgroup: flags["systemd-cgroup"],
    rootless: flags.rootless,
    debug: flags.debug,
    program,
    env,
    out: (text) => writeTo(1, text),
    // A log that one error is read from must hold nothing else.
    warn: (message) => {
      if (flags.log === undefined) writeTo(2, `${program}: warning: ${message}\n`);
    },
  };
}

/**
 * One's own directory for who is not root, or root of a user namespace only. Who is called root there
 * as on the host has the host's, as in runc: containers in containers do.
 */
function defaultRoot(env: Context["env"]): string {
  const own = env["XDG_RUNTIME_DIR"];
  const foreign = () =>
    process.geteuid!() !== 0 ||
    (env["USER"] !== "root" && !mapsAllIds(readText("/proc/self/uid_map")));
  return own && foreign() ? `${own}/ctr-oci` : "/run/ctr-oci";
}

// Everything is written; a runtime's own way out would take its heap apart before it ends.
if (import.meta.main) void main(process.argv.slice(2)).then((code) => sys(SYS.exit_group, code));
