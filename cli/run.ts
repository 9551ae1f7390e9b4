/**
 * `ctr run`.
 *
 * @module
 */

import { writeFile } from "../src/program/mod.ts";
import { runContainer, runDetached } from "../src/task/mod.ts";
import { enableTrace, mark, now, traceEvents } from "../src/trace.ts";
import type { Command } from "./command.ts";
import type { Flags } from "./flags.ts";
import {
  checkCidFile,
  CONTAINER_FLAGS,
  containerOptions,
  parseContainerFlags,
} from "./run_flags.ts";

const FLAGS = {
  ...CONTAINER_FLAGS,
  "detach": {
    type: "bool",
    short: "d",
    help: "Run container in background and print container ID",
  },
  "explain": { type: "bool", help: "Print the container's system calls and run nothing" },
  "trace": {
    type: "string",
    value: "file",
    help: "Write a timeline of the start in Chrome trace format",
  },
} as const satisfies Flags;

export const command: Command = {
  usage: "run [OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create and run a new container from an image",
  flags: FLAGS,
  async run(context, argv) {
    const beganUs = now();
    const parsed = parseContainerFlags("run", FLAGS, argv);
    const { flags } = parsed;
    if (flags.trace !== undefined) enableTrace(process.pid);
    mark("boot", performance.timeOrigin * 1000, { endUs: beganUs });
    mark("arguments", beganUs);
    const base = containerOptions(parsed, context);
    checkCidFile(flags.cidfile);
    const engine = context.engine();
    const interactive = base.openStdin === true && !flags.detach;
    const stdio = { interactive, tty: base.tty === true };
    const connects = interactive || stdio.tty;
    const terminal = connects ? await import("./stdio.ts") : undefined;
    if (!flags.detach) terminal?.checkTerminal(stdio);
    const options = {
      ...base,
      ...stdio.tty && !flags.detach ? terminal?.terminalSize() : {},
      onProgress: await progress(context, flags.quiet ?? false, base.image),
    };
    if (flags.explain) {
      const { explainRun } = await (await import("../src/task/mod.ts")).explain();
      context.out(`${await explainRun(engine, options)}\n`);
      return 0;
    }
    const wroteId = (id: string) => {
      if (flags.cidfile !== undefined) writeFile(flags.cidfile, id, 0o644);
    };
    if (flags.detach) {
      const { id } = await runDetached(engine, options);
      wroteId(id);
      context.out(`${id}\n`);
      return 0;
    }
    let disconnect = () => {};
    // Signals that come before the container runs end us, as they do Docker's client.
    try {
      const result = await runContainer(engine, {
        ...options,
        onOutput: (stream, bytes) => stream === 2 ? context.err(bytes) : context.out(bytes),
        trace: flags.trace !== undefined,
        onStarted: (running) => {
          wroteId(running.id);
          disconnect = terminal !== undefined
            ? terminal.connectStdio(running, stdio)
            : forwardSignals(running.kill);
        },
      });
      return result.exitCode;
    } finally {
      disconnect();
      if (flags.trace !== undefined) {
        writeFile(flags.trace, JSON.stringify({ traceEvents: traceEvents() }), 0o644);
      }
    }
  },
};

/** Without a terminal and stdin, signals are all there is to connect. */
function forwardSignals(kill: (signal: number) => Promise<void>): () => void {
  const signals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12 };
  const undo = Object.entries(signals).map(([name, number]) => {
    const forward = () => void kill(number).catch(() => {});
    process.on(name as NodeJS.Signals, forward);
    return () => void process.off(name as NodeJS.Signals, forward);
  });
  return () => undo.forEach((step) => step());
}

/** The display of a pull is loaded when the first event comes. */
function progress(
  context: Parameters<Command["run"]>[0],
  quiet: boolean,
  image: string,
): Promise<(event: import("../src/image/mod.ts").ImageProgress) => void> {
  let display: Promise<typeof import("./progress.ts")> | undefined;
  let show: ((event: import("../src/image/mod.ts").ImageProgress) => void) | undefined;
  return Promise.resolve((event) => {
    if (quiet) return;
    if (show !== undefined) return show(event);
    display ??= import("./progress.ts");
    void display.then(({ pullProgress }) => {
      show ??= pullProgress(image, {
        write: context.err,
        columns: process.stderr.isTTY ? process.stderr.columns ?? 80 : undefined,
      });
      show(event);
    });
  });
}
