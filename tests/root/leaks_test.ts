/**
 * 200 runs, good and bad ones mixed; then the machine must look as before.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { Cli, type Ended, until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { leftovers, systemState } from "../fixtures/system_state.ts";

const RUNS = 200;

/** Made by other tests, should they run at the same time. */
const OTHERS = /^cgroup \S*\/ctr-test(\/|$)/;

/** A run that must end like this. */
interface Case {
  readonly name: string;
  readonly args: (cli: Cli, round: number) => readonly string[];
  readonly code: number;
  /** What the one line on stderr says, for those that fail. */
  readonly error?: RegExp;
}

const GOOD: readonly Case[] = [
  { name: "true", args: () => ["run", "--rm", "host", "true"], code: 0 },
  {
    name: "its own code",
    args: () => ["run", "--rm", "host", "sh", "-c", "exit 3"],
    code: 3,
  },
  {
    name: "a signal",
    args: () => ["run", "--rm", "host", "sh", "-c", "sh -c 'kill -9 $$' 2>&-; exit $?"],
    code: 137,
  },
  {
    name: "limits, mounts, init",
    args: (cli) => [
      ..."run --rm --init -m 64m --cpus 0.5 --pids-limit 20 --read-only --tmpfs /tmp".split(" "),
      ...["-v", `${cli.root}/files:/mnt:ro`, "host", "cat", "/mnt/file"],
    ],
    code: 0,
  },
  {
    name: "children left behind",
    args: () => ["run", "--rm", "host", "sh", "-c", "sleep 100 & sleep 100 & exit 0"],
    code: 0,
  },
  {
    name: "host network",
    args: () => ["run", "--rm", "--network", "host", "host", "true"],
    code: 0,
  },
];

const BAD: readonly Case[] = [
  {
    name: "the working directory is a file",
    args: () => ["run", "--rm", "-w", "/etc/passwd", "host", "true"],
    code: 125,
    error: /"\/etc\/passwd".*not a directory/i,
  },
  {
    name: "a program that this user may not execute",
    args: (cli) => [
      ...["run", "--rm", "-u", "1234:1234", "-v", `${cli.root}/files:/mnt`],
      ...["host", "/mnt/private"],
    ],
    code: 126,
    error: /"\/mnt\/private".*permission denied/,
  },
  {
    name: "no such mount source",
    args: () => ["run", "--rm", "--mount", "type=bind,source=/no/such,target=/mnt", "host", "true"],
    code: 125,
    error: /\/no\/such/,
  },
  {
    name: "a mount target below a file",
    args: (cli) => ["run", "--rm", "-v", `${cli.root}/files:/etc/passwd/x`, "host", "true"],
    code: 125,
    error: /\/etc\/passwd\/x/,
  },
  {
    name: "no such program",
    args: () => ["run", "--rm", "host", "no-such-program"],
    code: 127,
    error: /"no-such-program"/,
  },
  {
    name: "no such file",
    args: () => ["run", "--rm", "host", "/no/such/file"],
    code: 127,
    error: /"\/no\/such\/file"/,
  },
  {
    name: "not executable",
    args: () => ["run", "--rm", "host", "/etc/passwd"],
    code: 126,
    error: /"\/etc\/passwd".*permission denied/,
  },
  {
    name: "a directory",
    args: () => ["run", "--rm", "host", "/etc"],
    code: 126,
    error: /"\/etc"/,
  },
  {
    name: "no such user",
    args: () => ["run", "--rm", "-u", "nobody-knows", "host", "true"],
    code: 125,
    error: /nobody-knows/,
  },
  {
    name: "no such flag",
    args: () => ["run", "--rm", "--no-such-flag", "host", "true"],
    code: 125,
    error: /--no-such-flag/,
  },
  {
    name: "a bad value",
    args: () => ["run", "--rm", "-m", "lots", "host", "true"],
    code: 125,
    error: /lots/,
  },
  {
    name: "no such image",
    args: () => ["run", "--rm", "--quiet", "127.0.0.1:1/no/such:image", "true"],
    code: 125,
    error: /127\.0\.0\.1:1/,
  },
  {
    name: "no such capability",
    args: () => ["run", "--rm", "--cap-add", "CAP_NO_SUCH", "host", "true"],
    code: 125,
    error: /NO_SUCH/i,
  },
];

/** Runs that take several commands. */
const LONGER: readonly { name: string; work: (cli: Cli, round: number) => Promise<void> }[] = [
  {
    name: "without --rm, then rm",
    async work(cli, round) {
      const name = `kept-${round}`;
      check(name, await cli.run(["run", "--name", name, "host", "sh", "-c", "exit 4"]), 4);
      await cli.ok(["rm", name]);
    },
  },
  {
    name: "a failed start without --rm, then rm",
    async work(cli, round) {
      const name = `failed-${round}`;
      const ended = await cli.run(["run", "--name", name, "host", "no-such-program"]);
      check(name, ended, 127, /no-such-program/);
      // As with Docker, the container that could not start stays.
      await cli.ok(["rm", name]);
    },
  },
  {
    name: "detached, then stop and rm",
    async work(cli, round) {
      const name = `detached-${round}`;
      const shell = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
      await cli.ok(["run", "-d", "--name", name, "host", "sh", "-c", shell]);
      await cli.ok(["stop", name]);
      await cli.ok(["rm", name]);
    },
  },
  {
    name: "detached with --rm, then kill",
    async work(cli, round) {
      const name = `gone-${round}`;
      await cli.ok(["run", "-d", "--rm", "--name", name, "host", "sleep", "100"]);
      await cli.ok(["exec", name, "true"]);
      check("exec", await cli.run(["exec", name, "no-such-program"]), 127, /no-such-program/);
      await cli.ok(["kill", name]);
    },
  },
  {
    name: "detached, then rm -f",
    async work(cli, round) {
      const name = `forced-${round}`;
      await cli.ok(["run", "-d", "--name", name, "host", "sleep", "100"]);
      await cli.ok(["rm", "-f", name]);
    },
  },
  {
    name: "kill -9 of the command line, then rm -f",
    async work(cli, round) {
      const name = `orphan-${round}`;
      const running = cli.start(
        ["run", "--name", name, "host", "sh", "-c", "echo up; sleep 100"],
      );
      await until("output", () => running.stdout().includes("up"));
      running.kill("SIGKILL");
      await running.ended;
      await cli.ok(["rm", "-f", name]);
    },
  },
  {
    name: "kill -9 of the command line with --rm; the shim cleans up",
    async work(cli, round) {
      const release = join(cli.root, "files", `release-${round}`);
      const running = cli.start([
        ..."run --rm".split(" "),
        ...["-v", `${cli.root}/files:/mnt`, "host", "sh", "-c"],
        `echo up; while [ ! -e /mnt/release-${round} ]; do sleep 0.05; done`,
      ]);
      await until("output", () => running.stdout().includes("up"));
      running.kill("SIGKILL");
      await running.ended;
      writeFileSync(release, "");
    },
  },
  {
    name: "kill -9 of the command line while it starts",
    async work(cli, round) {
      const running = cli.start(["run", "--rm", "host", "true"]);
      await new Promise((resolve) => setTimeout(resolve, 2 + (round * 7) % 60));
      running.kill("SIGKILL");
      await running.ended;
    },
  },
];

function check(name: string, ended: Ended, code: number, error?: RegExp): void {
  const said = `${name}: code ${ended.code}, stdout ${JSON.stringify(ended.stdout)}, stderr ` +
    JSON.stringify(ended.stderr);
  assert.equal(ended.code, code, said);
  if (error === undefined) assert.equal(ended.stderr, "", said);
  else {
    assert.match(ended.stderr, /^ctr: cannot [^\n]*\n$/, `${said} is not one line`);
    assert.match(ended.stderr, error, said);
  }
}

function makeFiles(cli: Cli): void {
  mkdirSync(join(cli.root, "files"));
  writeFileSync(join(cli.root, "files", "file"), "content\n");
  writeFileSync(join(cli.root, "files", "private"), "#!/bin/sh\n", { mode: 0o700 });
}

function rows(cli: Cli): string[] {
  const file = readdirSync(cli.data).find((name) => name.endsWith(".db"));
  assert.notEqual(file, undefined, "the data directory has a database");
  const database = new DatabaseSync(join(cli.data, file!));
  try {
    return database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
      .map(({ name }) => String(name)).filter((name) => /container/.test(name))
      .flatMap((name) =>
        database.prepare(`SELECT * FROM "${name}"`).all()
          .map((row) => `${name}: ${JSON.stringify(row)}`)
      );
  } finally {
    database.close();
  }
}

/** Directories and their entries that are there for each container. */
function stateFiles(cli: Cli): string[] {
  const walk = (path: string): string[] =>
    readdirSync(path, { withFileTypes: true }).flatMap((entry) => [
      `${path}/${entry.name}`,
      ...entry.isDirectory() && !/^(?:blobs|fs|ingest)$/.test(entry.name)
        ? walk(`${path}/${entry.name}`)
        : [],
    ]);
  return [cli.data, cli.exec].filter(existsSync).flatMap(walk)
    .filter((path) => !/\.db(-wal|-shm)?$/.test(path)).map((path) => path.slice(cli.root.length));
}

async function inTurn(cli: Cli, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const kind = round % 10;
    if (kind < 3) {
      const good = GOOD[Math.floor(round / 10 + kind) % GOOD.length]!;
      check(good.name, await cli.run(good.args(cli, round)), good.code);
    } else if (kind < 7) {
      const bad = BAD[(Math.floor(round / 10) * 4 + kind) % BAD.length]!;
      check(bad.name, await cli.run(bad.args(cli, round)), bad.code, bad.error);
    } else {
      const { name, work } = LONGER[(Math.floor(round / 10) * 3 + kind) % LONGER.length]!;
      try {
        await work(cli, round);
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
      }
    }
  }
}

test(
  "200 good and bad runs leave no mount, cgroup, namespace, process, directory or record",
  needs("root", "overlayfs"),
  async () => {
    const cli = new Cli("leaks");
    try {
      makeFiles(cli);
      // What stays for good: the image, the database, the cgroup that all containers are below.
      await cli.ok(["run", "--rm", "host", "true"]);
      await until("the first run to settle", () => cli.containerDirectories().length === 0);
      const files = stateFiles(cli);
      const before = systemState();
      const fileState = readFileSync("/proc/sys/fs/file-nr", "utf8");
      await inTurn(cli, RUNS);
      assert.deepEqual(
        await leftovers(before, { patienceMs: 15_000, ignore: OTHERS }),
        [],
        fileState,
      );
      // The shim of the last one in the background may be about to remove it.
      await until("no records", async () => await cli.ok(["ps", "-aq"]) === "", 10_000);
      assert.deepEqual(rows(cli), []);
      assert.deepEqual(readdirSync(cli.temporary), []);
      const more = await until("background work", () => {
        const found = stateFiles(cli).filter((path) => !files.includes(path));
        return found.length === 0 ? "none" : undefined;
      }, 10_000).catch(() => stateFiles(cli).filter((path) => !files.includes(path)).join("\n"));
      assert.equal(more, "none");
    } finally {
      await cli.end();
    }
  },
);

for (const { name, args, code, error } of [...GOOD, ...BAD]) {
  test(`ctr run exits with ${code}: ${name}`, needs("root", "overlayfs"), async () => {
    const cli = new Cli("exit-code");
    try {
      makeFiles(cli);
      check(name, await cli.run(args(cli, 0)), code, error);
      await until("no files", () => cli.containerDirectories().length === 0);
    } finally {
      await cli.end();
    }
  });
}
