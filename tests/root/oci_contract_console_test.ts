/**
 * What the callers of an OCI runtime rely on: terminals, which they get through a console socket.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciProcess, OciSpec } from "../../src/oci/mod.ts";
import { ConsoleListener } from "../fixtures/console_listener.ts";
import { start } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { exitOf, OCI_RUNTIME, OciRuntime } from "../fixtures/oci_command.ts";

const here = needs("root", "cgroup", "file:/bin/busybox", "cmd:script");

const SH: OciProcess = {
  terminal: true,
  args: ["sh"],
  cwd: "/",
  env: ["PATH=/bin", "PS1=> "],
  user: { uid: 0, gid: 0 },
  consoleSize: { height: 25, width: 81 },
};

const withTerminal = (spec: OciSpec): OciSpec => ({
  ...spec,
  process: { ...spec.process!, ...SH },
});

test(
  "contract 3: create sends the terminal of a container through the console socket",
  here,
  async () => {
    await using oci = new OciRuntime();
    using listener = new ConsoleListener(join(oci.dir, "console"));
    oci.configure(["sh"], { change: withTerminal });
    const pid = await oci.create([`--console-socket=${listener.path}`]);
    using terminal = listener.receive();
    await oci.start();
    terminal.type("tty; stty size; echo $((6*7))\n");
    const text = await terminal.shows(/^42/m);
    assert.match(text, /^\/dev\/(console|pts\/0)\r\n25 81\r\n42/m);
    for (const fd of [0, 1, 2]) {
      assert.equal(
        readlinkSync(`/proc/${pid}/fd/${fd}`),
        "/dev/pts/0",
        "in the container's devpts",
      );
    }
    terminal.type("exit 7\n");
    assert.equal(await exitOf(pid), 7);
  },
);

test("contract 3: exec sends one too", here, async () => {
  await using oci = new OciRuntime();
  using listener = new ConsoleListener(join(oci.dir, "console"));
  oci.configure(["sleep", "100"]);
  await oci.create();
  await oci.start();
  const process = join(oci.dir, "process.json");
  writeFileSync(process, JSON.stringify({ ...SH, args: ["sh", "-c", "tty; cat"] }));
  await oci.ok(
    ["exec", "--detach", "--process", process, "--console-socket", listener.path, oci.id],
  );
  using terminal = listener.receive();
  await terminal.shows(/^\/dev\/pts\/\d+/m);
  terminal.type("echoed\n");
  await terminal.shows(/echoed\r\nechoed\r\n/);
});

test(
  "contract 3: a terminal without a socket is an error, and a socket without a terminal",
  here,
  async () => {
    await using oci = new OciRuntime();
    using listener = new ConsoleListener(join(oci.dir, "console"));
    oci.configure(["sh"], { change: withTerminal });
    const refused = async (...args: string[]) => {
      const { code, stderr } = await oci.call([...args, oci.id]);
      assert.equal(code, 1, args.join(" "));
      return stderr;
    };
    const bundle = ["--bundle", oci.dir];
    assert.match(await refused("create", ...bundle), /console socket/);
    assert.match(await refused("run", "--detach", ...bundle), /console socket/);
    oci.configure(["sh"]);
    const socket = ["--console-socket", listener.path];
    assert.match(await refused("create", ...bundle, ...socket), /console socket/);
    oci.configure(["sh"], { change: withTerminal });
    await refused("create", ...bundle, "--console-socket", join(oci.dir, "nobody"));
  },
);

test(
  "contract 3: in the foreground a terminal is the caller's, in size and in what is typed",
  here,
  async () => {
    await using oci = new OciRuntime();
    /** The command on a terminal of 33 lines and 77 columns, that `typed` is typed at. */
    const onTerminal = (args: readonly string[], typed: string) => {
      const command = `stty rows 33 cols 77; exec ${
        [OCI_RUNTIME, "--root", oci.root, ...args].join(" ")
      }`;
      const script = ["script", "--quiet", "--return", "--command", command, "/dev/null"];
      oci.reaps = false;
      return start(script, { cwd: oci.dir, input: typed }).ended;
    };
    const ask = "test -t 0 && stty size; read answer; echo got $answer; exit 3";
    oci.configure(["sh"], {
      change: (spec) => {
        const { consoleSize: _, ...process } = withTerminal(spec).process!;
        return { ...spec, process: { ...process, args: ["sh", "-c", ask] } };
      },
    });
    const ran = await onTerminal(["run", oci.id], "yes\n");
    assert.match(ran.stdout, /33 77\r\n[^]*got yes\r\n/);
    assert.equal(ran.code, 3);
    oci.reaps = true;
    oci.configure(["sleep", "100"]);
    await oci.create();
    await oci.start();
    const added = await onTerminal(["exec", "--tty", oci.id, "sh", "-c", `'${ask}'`], "no\n");
    assert.match(added.stdout, /33 77\r\n[^]*got no\r\n/);
    assert.equal(added.code, 3);
  },
);
