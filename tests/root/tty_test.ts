/**
 * What a person at a terminal sees.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cli, RUNTIME, until, withCli } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { Terminal } from "../fixtures/tmux.ts";

const NEEDS = needs("root", "overlayfs", "cmd:tmux");

function withTerminal(work: (terminal: Terminal, cli: Cli, ctr: string) => Promise<void>) {
  return withCli("tty", async (cli) => {
    const terminal = new Terminal(cli.root);
    const ctr = `CTR_RUNTIME=${RUNTIME} ${cli.argv().join(" ")}`;
    try {
      await work(terminal, cli, ctr);
    } finally {
      terminal.close();
    }
  });
}

const SHELL = "-it -e 'PS1=inside$ ' host sh";

/** The terminal echoes and edits lines again. */
async function cooked(terminal: Terminal): Promise<void> {
  terminal.line("clear; stty -a | grep -ow -e '-*icanon' -e '-*echo' | tr '\\n' ' '; echo end");
  await terminal.sees(/^icanon echo end$/m);
}

test(
  "run -it is a terminal: prompt, size, Ctrl-C, end of input",
  NEEDS,
  () =>
    withTerminal(async (terminal, cli, ctr) => {
      terminal.line(`${ctr} run --rm ${SHELL}; echo code $?`);
      await terminal.sees(/^inside\$$/m);
      terminal.line("tty; stty size");
      await terminal.sees(/^\/dev\/pts\/0\n24 80$/m);
      terminal.resize(100, 30);
      await until("the new size", () => {
        terminal.line("clear; stty size");
        return /^30 100$/m.test(terminal.screen);
      });
      terminal.line("sleep 100");
      await new Promise((resolve) => setTimeout(resolve, 300));
      terminal.type("C-c");
      terminal.line("echo code $?");
      await terminal.sees(/^code 130$/m);
      terminal.line("(exit 3)");
      terminal.type("C-d");
      await terminal.sees(/^code 3\noutside\$$/m);
      await cooked(terminal);
      await until("no files", () => cli.containerDirectories().length === 0);
    }),
);

test(
  "the detach keys leave the container, and attach comes back to it",
  NEEDS,
  () =>
    withTerminal(async (terminal, cli, ctr) => {
      terminal.line(`${ctr} run --name shell ${SHELL}; echo code $?`);
      await terminal.sees(/^inside\$$/m);
      terminal.line("mark=still-here");
      terminal.type("C-p", "C-q");
      await terminal.sees(/^outside\$$/m);
      await cooked(terminal);
      assert.match(await cli.ok(["ps"]), /shell/);
      terminal.line(`clear; ${ctr} attach shell; echo code $?`);
      await until("the shell", () => {
        terminal.line("echo $mark");
        return /^still-here$/m.test(terminal.screen);
      });
      terminal.line("exit 5");
      await terminal.sees(/^code 5$/m);
      await cooked(terminal);
      await cli.ok(["rm", "shell"]);
    }),
);

test(
  "exec -it is another terminal in the same container",
  NEEDS,
  () =>
    withTerminal(async (terminal, cli, ctr) => {
      await cli.ok(["run", "-d", "--name", "box", "host", "sleep", "100"]);
      terminal.line(`${ctr} exec -it -e 'PS1=added$ ' box sh; echo code $?`);
      await terminal.sees(/^added\$$/m);
      terminal.line("tty; stty size; cat /proc/1/comm");
      await terminal.sees(/^\/dev\/pts\/\d\n24 80\nsleep$/m);
      terminal.line("exit 4");
      await terminal.sees(/^code 4$/m);
      await cooked(terminal);
      await cli.ok(["rm", "-f", "box"]);
    }),
);

test(
  "a terminal is itself again when its container is killed",
  NEEDS,
  () =>
    withTerminal(async (terminal, cli, ctr) => {
      terminal.line(`${ctr} run --rm --name doomed ${SHELL}; echo code $?`);
      await terminal.sees(/^inside\$$/m);
      await cli.ok(["kill", "doomed"]);
      await terminal.sees(/code 137$/m);
      await cooked(terminal);
    }),
);

test(
  "without -t a Ctrl-C ends the container through its client",
  NEEDS,
  () =>
    withTerminal(async (terminal, cli, ctr) => {
      const script = "trap 'echo got it; exit 9' INT; echo up; while :; do sleep 0.1; done";
      terminal.line(`${ctr} run --rm host sh -c "${script}"; echo code $?`);
      await terminal.sees(/^up$/m);
      await new Promise((resolve) => setTimeout(resolve, 300));
      terminal.type("C-c");
      await terminal.sees(/^(\^C)?got it\ncode 9$/m);
      await cooked(terminal);
      await until("no files", () => cli.containerDirectories().length === 0);
    }),
);
