/**
 * `ctr run`.
 *
 * @module
 */

import { writeFile } from "../src/program/mod.ts";
import { explain, runContainer, runDetached, type RunOptions } from "../src/task/mod.ts";
import { enableTrace, mark, traceEvents } from "../src/trace.ts";
import { type Context, define } from "./command.ts";
import { containerOptions } from "./container_options.ts";
import type { Flags, Parsed } from "./flags.ts";
import { attachedStreams, type Streams } from "./attached_streams.ts";
import { CONTAINER_FLAGS, MISSING } from "./run_flags.ts";
import { forwardSignals } from "./signals.ts";

const FLAGS = {
  ...CONTAINER_FLAGS,
  "attach": { type: "list", short: "a", help: "Attach to STDIN, STDOUT or STDERR" },
  "detach": {
    type: "bool",
    short: "d",
    help: "Run container in background and print container ID",
  },
  "detach-keys": {
    type: "string",
    help: "Override the key sequence for detaching a container",
  },
  "explain": {
    type: "bool",
    ours: true,
    help: "Print the container's system calls and run nothing",
  },
  "sig-proxy": { type: "bool", default: true, help: "Proxy received signals to the process" },
  "trace": {
    type: "string",
    value: "file",
    ours: true,
    help: "Write a timeline of the start in Chrome trace format",
  },
} as const satisfies Flags;

export const command = define({
  name: "run",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create and run a new container from an image",
  flags: FLAGS,
  missing: MISSING,
  args: [1, Infinity],
  passthrough: true,
}, async (context, parsed) => {
  const { flags } = parsed;
  if (flags.trace !== undefined) {
    enableTrace(process.pid);
    mark("boot", performance.timeOrigin * 1000, { endUs: context.beganUs });
  }
  const streams = attachedStreams(flags);
  const stdio = {
    interactive: streams.stdin,
    tty: flags.tty,
    sigProxy: flags["sig-proxy"],
    detachKeys: flags["detach-keys"],
  };
  const terminal = streams.stdin || (flags.tty && !flags.detach)
    ? await import("./stdio.ts")
    : undefined;
  terminal?.checkStdio(stdio);
  const options: RunOptions = {
    ...await containerOptions(parsed, context, { makeNothing: flags.explain }),
    ...flags.tty ? terminal?.initialSize() : {},
    ...flags.quiet ? {} : { onProgress: pullDisplay(context, missingHeading(parsed)) },
  };
  mark("arguments", context.beganUs);
  if (flags.explain) {
    context.out(`${await (await explain()).explainRun(context.engine(), options)}\n`);
    return 0;
  }
  if (flags.detach) return await runInBackground(context, options, flags);
  let disconnect = () => {};
  // Signals that come before the container runs end us, as they do Docker's client.
  try {
    const result = await runContainer(context.engine(), {
      ...options,
      onOutput: outputTo(context, streams),
      trace: flags.trace !== undefined,
      onStarted: (running) => {
        writeId(flags, running.id);
        if (terminal !== undefined) {
          disconnect = terminal.connectStdio(running, stdio, context.err);
        } else if (stdio.sigProxy) disconnect = forwardSignals(running.kill);
      },
    });
    return result.exitCode;
  } finally {
    disconnect();
    if (flags.trace !== undefined) {
      writeFile(flags.trace, JSON.stringify({ traceEvents: traceEvents() }), 0o644);
    }
  }
});

type RunFlags = Parsed<typeof FLAGS>["flags"];

function missingHeading({ flags, args }: Parsed<typeof FLAGS>): string {
  return flags.pull === "missing" ? `Unable to find image '${args[0]}' locally\n` : "";
}

async function runInBackground(
  context: Context,
  options: RunOptions,
  flags: RunFlags,
): Promise<number> {
  const { id } = await runDetached(context.engine(), options);
  writeId(flags, id);
  context.out(`${id}\n`);
  return 0;
}

function writeId({ cidfile }: RunFlags, id: string): void {
  if (cidfile !== undefined) writeFile(cidfile, id, 0o644);
}

function outputTo(context: Context, { stdout, stderr }: Streams): RunOptions["onOutput"] {
  return (stream, bytes) => {
    if (stream === 2) {
      if (stderr) context.err(bytes);
    } else if (stdout) context.out(bytes);
  };
}

/** The display of a pull, loaded when the first event comes. */
function pullDisplay(context: Context, heading: string): NonNullable<RunOptions["onProgress"]> {
  let display: Promise<NonNullable<RunOptions["onProgress"]>> | undefined;
  return (event) => {
    display ??= import("./progress.ts").then(({ pullProgress, displayOn }) =>
      pullProgress(displayOn(2, context.err), heading)
    );
    void display.then((show) => show(event));
  };
}
