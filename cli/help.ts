/**
 * The overview of all commands.
 *
 * @module
 */

import { closest, UsageError } from "./flags.ts";

const ABOUT: Readonly<Record<string, string>> = {
  attach: "Attach local standard input, output and error streams to a running container",
  create: "Create a new container",
  exec: "Execute a command in a running container",
  images: "List images",
  info: "Display system-wide information",
  inspect: "Return low-level information on containers and images",
  kill: "Kill one or more running containers",
  logs: "Fetch the logs of a container",
  pause: "Pause all processes within one or more containers",
  ps: "List containers",
  pull: "Download an image from a registry",
  rm: "Remove one or more containers",
  rmi: "Remove one or more images",
  run: "Create and run a new container from an image",
  start: "Start one or more stopped containers",
  stop: "Stop one or more running containers",
  unpause: "Unpause all processes within one or more containers",
  version: "Show the version information",
  wait: "Block until one or more containers stop, then print their exit codes",
};

/** `ctr --help`. */
export function overview(commands: readonly string[]): string {
  const lines = commands.map((name) => `  ${name.padEnd(12)}${ABOUT[name] ?? ""}`);
  return `Usage:  ctr [OPTIONS] COMMAND

A container engine without a daemon

Commands:
${lines.join("\n")}

Global Options:
      --data-root string   Where images and containers are kept (default "/var/lib/ctr")
  -D, --debug              Show the cause of an error and the failing system call
      --exec-root string   Where the state of running containers is kept (default "/run/ctr")
  -v, --version            Print version information and quit

Run 'ctr COMMAND --help' for more information on a command.
`;
}

/** The error for a command that there is not. */
export function unknownCommand(name: string, commands: readonly string[]): UsageError {
  const near = closest(name, commands);
  return new UsageError({
    code: "invalid_argument",
    operation: "run ctr",
    reason: `unknown command: ${name}`,
    hint: near === undefined ? 'see "ctr --help"' : `did you mean "ctr ${near}"?`,
  });
}
