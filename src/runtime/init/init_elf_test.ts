import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { INIT_CODE, initElf } from "./init_elf.ts";

const here = import.meta.dirname!;
const has = (command: string) => spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;
const TOOLS = {
  x86_64: {
    as: "as",
    objcopy: "objcopy",
    run: process.arch === "x64" ? [] : ["qemu-x86_64-static"],
  },
  aarch64: {
    as: "aarch64-linux-gnu-as",
    objcopy: "aarch64-linux-gnu-objcopy",
    run: process.arch === "arm64" ? [] : ["qemu-aarch64-static"],
  },
} as const;

for (const arch of ["x86_64", "aarch64"] as const) {
  const { as, objcopy, run } = TOOLS[arch];

  test(
    `INIT_CODE is what the assembler makes of ${arch}.S`,
    { skip: has(as) ? false : `${as} is not installed` },
    () => {
      const dir = mkdtempSync(join(tmpdir(), "ctr-init-"));
      try {
        assert.equal(spawnSync(as, [join(here, `${arch}.S`), "-o", `${dir}/o`]).status, 0);
        const args = ["-O", "binary", "-j", ".text", `${dir}/o`, `${dir}/bin`];
        assert.equal(spawnSync(objcopy, args).status, 0);
        assert.equal(readFileSync(`${dir}/bin`).toString("base64"), INIT_CODE[arch]);
      } finally {
        rmSync(dir, { recursive: true });
      }
    },
  );

  test(
    `initElf() for ${arch} runs a command and ends with its status`,
    { skip: run.every(has) ? false : `${run[0]} is not installed` },
    () => {
      const dir = mkdtempSync(join(tmpdir(), "ctr-init-"));
      try {
        const init = join(dir, "init");
        writeFileSync(init, initElf(arch));
        chmodSync(init, 0o755);
        writeFileSync(join(dir, "plain"), "");
        const start = (...argv: string[]) => {
          const [program, ...args] = [...run, init, ...argv];
          return spawnSync(program!, args, {
            encoding: "utf8",
            env: { PATH: `/nonexistent:${dir}:/usr/bin:/bin`, GREETING: "hello" },
          });
        };
        assert.equal(start("--", "sh", "-c", "exit 42").status, 42);
        assert.equal(start("sh", "-c", "exit 3").status, 3);
        assert.equal(
          start("--", "/bin/sh", "-c", "echo $GREETING $0", "world").stdout,
          "hello world\n",
        );
        assert.equal(start("--", "sh", "-c", "kill -TERM $$").status, 143);
        // An orphan ends first and is reaped; the command's own status counts.
        assert.equal(start("--", "sh", "-c", "(true &) ; sleep 0.1; exit 9").status, 9);
        assert.equal(start("--", "no-such-command").status, 127);
        assert.match(start("--", "no-such-command").stderr, /not found/);
        assert.equal(start("--", "/no/such/command").status, 127);
        assert.equal(start("--", "plain").status, 126);
        assert.equal(start("--", `${dir}/plain`).status, 126);
        assert.equal(start("--").status, 125);
        assert.equal(start().status, 125);
        // A name longer than any path: no overflow, just not found.
        assert.equal(start("--", "x".repeat(9000)).status, 127);
      } finally {
        rmSync(dir, { recursive: true });
      }
    },
  );

  test(
    `initElf() for ${arch} forwards signals`,
    { skip: run.every(has) ? false : `${run[0]} is not installed` },
    () => {
      const dir = mkdtempSync(join(tmpdir(), "ctr-init-"));
      try {
        const init = join(dir, "init");
        writeFileSync(init, initElf(arch), { mode: 0o755 });
        // The shell reports that it is ready by making a file; then the init gets the signal.
        const script = `trap 'exit 55' USR1; : > ${dir}/ready; while :; do sleep 0.05; done`;
        const outer =
          `"$@" & p=$!; while [ ! -e ${dir}/ready ]; do sleep 0.02; done; kill -USR1 $p; wait $p`;
        const got = spawnSync("sh", ["-c", outer, "sh", ...run, init, "--", "sh", "-c", script]);
        assert.equal(got.status, 55);
      } finally {
        rmSync(dir, { recursive: true });
      }
    },
  );
}
