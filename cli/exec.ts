/**
 * `ctr exec`.
 *
 * @module
 */

import { readText } from "../src/program/mod.ts";
import { exec } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { type Flags, parseFlags, UsageError } from "./flags.ts";
import { parseEnv, parseEnvFile } from "./values.ts";

const FLAGS = {
  "detach": { type: "bool", short: "d", help: "Detached mode: run command in the background" },
  "env": { type: "list", short: "e", help: "Set environment variables" },
  "env-file": { type: "list", help: "Read in a file of environment variables" },
  "interactive": { type: "bool", short: "i", help: "Keep STDIN open even if not attached" },
  "privileged": { type: "bool", help: "Give extended privileges to the command" },
  "tty": { type: "bool", short: "t", help: "Allocate a pseudo-TTY" },
  "user": {
    type: "string",
    short: "u",
    help: "Username or UID (format: <name|uid>[:<group|gid>])",
  },
  "workdir": { type: "string", short: "w", help: "Working directory inside the container" },
} as const satisfies Flags;

export const command: Command = {
  usage: "exec [OPTIONS] CONTAINER COMMAND [ARG...]",
  summary: "Execute a command in a running container",
  flags: FLAGS,
  async run(context, argv) {
    const { flags, args } = parseFlags("exec", FLAGS, argv, {
      stopAtArgument: true,
      unsupported: ["--detach-keys"],
    });
    const [container, ...words] = args;
    if (container === undefined || words.length === 0) {
      throw new UsageError({
        code: "invalid_argument",
        operation: 'run "ctr exec"',
        reason: "it requires at least 2 arguments",
        hint: 'see "ctr exec --help"',
      });
    }
    const stdio = {
      interactive: flags.interactive === true && !flags.detach,
      tty: flags.tty === true,
    };
    const terminal = await import("./stdio.ts");
    if (!flags.detach) terminal.checkTerminal(stdio);
    const { execContainer } = await exec();
    const files = flags["env-file"].flatMap((path) => parseEnvFile(readText(path), context.env));
    let disconnect = () => {};
    try {
      const { exitCode } = await execContainer(context.engine(), container, {
        command: words,
        env: [...files, ...parseEnv(flags.env, context.env)],
        ...flags.workdir === undefined ? {} : { workingDir: flags.workdir },
        ...flags.user === undefined ? {} : { user: flags.user },
        privileged: flags.privileged ?? false,
        tty: stdio.tty,
        detach: flags.detach ?? false,
        ...stdio.tty ? terminal.terminalSize() : {},
        onOutput: (stream, bytes) => stream === 2 ? context.err(bytes) : context.out(bytes),
        onStarted: (running) => {
          if (!stdio.interactive) running.endStdin();
          disconnect = terminal.connectStdio(running, stdio);
        },
      });
      return exitCode;
    } finally {
      disconnect();
    }
  },
};
