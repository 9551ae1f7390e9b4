/**
 * `ctr attach`.
 *
 * @module
 */

import { attach } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { type Flags, parseFlags, UsageError } from "./flags.ts";

const FLAGS = {
  "no-stdin": { type: "bool", help: "Do not attach STDIN" },
} as const satisfies Flags;

export const command: Command = {
  usage: "attach [OPTIONS] CONTAINER",
  summary: "Attach local standard input, output and error streams to a running container",
  flags: FLAGS,
  async run(context, argv) {
    const { flags, args } = parseFlags("attach", FLAGS, argv, {
      unsupported: ["--detach-keys", "--sig-proxy"],
    });
    const [container] = args;
    if (container === undefined || args.length > 1) {
      throw new UsageError({
        code: "invalid_argument",
        operation: 'run "ctr attach"',
        reason: "it requires exactly 1 argument",
        hint: 'see "ctr attach --help"',
      });
    }
    const engine = context.engine();
    const { config } = engine.state.containers.resolve(container, "attach");
    const stdio = { interactive: config.openStdin && !flags["no-stdin"], tty: config.tty };
    const { checkTerminal, connectStdio } = await import("./stdio.ts");
    checkTerminal(stdio);
    const { attachContainer } = await attach();
    let disconnect = () => {};
    try {
      const { exitCode } = await attachContainer(engine, container, {
        onOutput: (stream, bytes) => stream === 2 ? context.err(bytes) : context.out(bytes),
        onStarted: (running) => disconnect = connectStdio(running, stdio),
      });
      return exitCode;
    } finally {
      disconnect();
    }
  },
};
