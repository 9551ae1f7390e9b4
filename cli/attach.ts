/**
 * `ctr attach`.
 *
 * @module
 */

import { attach } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { checkStdio, connectStdio } from "./stdio.ts";

export const command = define({
  name: "attach",
  usage: "[OPTIONS] CONTAINER",
  summary: "Attach local standard input, output, and error streams to a running container",
  args: [1, 1],
  flags: {
    "detach-keys": {
      type: "string",
      help: "Override the key sequence for detaching a container",
    },
    "no-stdin": { type: "bool", help: "Do not attach STDIN" },
    "sig-proxy": {
      type: "bool",
      default: true,
      help: "Proxy all received signals to the process",
    },
  },
}, async (context, { flags, args }) => {
  const container = args[0]!;
  const engine = context.engine();
  const { config } = engine.state.containers.resolve(container, "attach");
  const stdio = {
    interactive: config.openStdin && !flags["no-stdin"],
    tty: config.tty,
    sigProxy: flags["sig-proxy"],
    detachKeys: flags["detach-keys"],
  };
  checkStdio(stdio);
  const { attachContainer } = await attach();
  let disconnect = () => {};
  try {
    const { exitCode } = await attachContainer(engine, container, {
      onOutput: (stream, bytes) => stream === 2 ? context.err(bytes) : context.out(bytes),
      onStarted: (running) => disconnect = connectStdio(running, stdio, context.err),
    });
    return exitCode;
  } finally {
    disconnect();
  }
});
