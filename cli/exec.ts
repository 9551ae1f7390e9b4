/**
 * `ctr exec`.
 *
 * @module
 */

import { exec } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { environmentOf } from "./env_file.ts";
import { checkStdio, connectStdio, initialSize } from "./stdio.ts";

export const command = define({
  name: "exec",
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  summary: "Execute a command in a running container",
  args: [2, Infinity],
  passthrough: true,
  flags: {
    "detach": { type: "bool", short: "d", help: "Detached mode: run command in the background" },
    "detach-keys": {
      type: "string",
      help: "Override the key sequence for detaching a container",
    },
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
  },
}, async (context, { flags, args }) => {
  const [container, ...words] = args as [string, ...string[]];
  const stdio = {
    interactive: flags.interactive && !flags.detach,
    tty: flags.tty,
    // Docker's client does not pass signals on to added processes.
    sigProxy: false,
    detachKeys: flags["detach-keys"],
  };
  checkStdio(stdio);
  const { execContainer } = await exec();
  let disconnect = () => {};
  try {
    const { exitCode } = await execContainer(context.engine(), container, {
      command: words,
      env: environmentOf(flags, context.env),
      ...flags.workdir === undefined ? {} : { workingDir: flags.workdir },
      ...flags.user === undefined ? {} : { user: flags.user },
      privileged: flags.privileged,
      tty: flags.tty,
      detach: flags.detach,
      ...flags.tty && !flags.detach ? initialSize() : {},
      onOutput: (stream, bytes) => stream === 2 ? context.err(bytes) : context.out(bytes),
      onStarted: (running) => {
        if (!stdio.interactive) running.endStdin();
        disconnect = connectStdio(running, stdio, context.err);
      },
    });
    return exitCode;
  } finally {
    disconnect();
  }
});
