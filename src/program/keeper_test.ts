import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runtimeArgv } from "../../ffi/mod.ts";
import { close, pipe, ProgramBuilder, readAll, run, spawn, type Spawned, waitFor } from "./mod.ts";

const SHELL = { env: ["PATH=/usr/bin:/bin"] };
const shell = (script: string) => ({ ...SHELL, argv: ["/bin/sh", "-c", script] });
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Wake a keeper: its child has ended. */
function end(wake: number): void {
  const p = new ProgramBuilder("end");
  p.step("write", [wake, "e", 1]);
  run(p);
  close(wake);
}

function finish(child: Spawned): void {
  close(child.pidfd);
  child.free();
}

test("a keeper that is not needed waits for its child and ends", () => {
  const [wakeFd, wake] = pipe();
  const [output, childOutput] = pipe();
  const p = new ProgramBuilder("test");
  const pid = p.step("getpid", []);
  p.step("getppid", []);
  p.step("write", [childOutput, "out", 3]);
  p.step("exit_group", [7]);
  const child = spawn(p, { keeper: { ...shell("echo executed"), fds: [output, 2, 2], wakeFd } });
  close(wakeFd);
  close(childOutput);
  // The keeper holds no end of the pipe for writing.
  assert.equal(decode(readAll(output, "output")), "out");
  assert.equal(child.keptPid(), child.result(pid));
  assert.notEqual(child.keptPid(), child.pid);
  assert.equal(child.result({ step: 1 }), child.pid);
  assert.equal(waitFor(child.pid), undefined, "it waits");
  end(wake);
  assert.equal(waitFor(child.pid, { block: true })!.exitCode, 0);
  assert.equal(child.keptStatus(), 7 << 8);
  assert.equal(child.failure(), undefined);
  close(output);
  finish(child);
});

test("a keeper becomes its program at the end of the pipe, with its descriptors and no others", () => {
  const [wakeFd, wake] = pipe();
  const [output, childOutput] = pipe();
  const [result, programOutput] = pipe();
  const p = new ProgramBuilder("test");
  p.step("write", [childOutput, "of the child", 12]);
  p.step("exit_group", [0]);
  const child = spawn(p, {
    keeper: {
      ...shell('echo "$$ $PWD $(cat) $(echo /proc/self/fd/*)"'),
      fds: [output, programOutput, 2],
      wakeFd,
    },
  });
  for (const fd of [wakeFd, childOutput, output, programOutput]) close(fd);
  close(wake);
  const text = decode(readAll(result, "output"));
  close(result);
  assert.equal(waitFor(child.pid, { block: true })!.exitCode, 0);
  const [pid, cwd, said, ...fds] = text.trim().replace("of the child", "said").split(" ");
  assert.deepEqual([Number(pid), cwd, said], [child.pid, "/", "said"]);
  // The shell opens the directory itself.
  assert.deepEqual(fds.map((path) => path.split("/").pop()), ["0", "1", "2", "3"]);
  finish(child);
});

test("a keeper reports the step of its child that failed, and why it could not clone it", () => {
  for (const what of ["step", "clone"] as const) {
    const [wakeFd, wake] = pipe();
    const p = new ProgramBuilder("test");
    p.step("getpid", []);
    p.step("chdir", ["/no/such/directory"]);
    const CLONE_THREAD_ALONE = 0x10000; // without CLONE_SIGHAND it is refused
    const options = what === "clone" ? { flags: CLONE_THREAD_ALONE } : {};
    const child = spawn(p, { ...options, keeper: { ...shell("exit 3"), fds: [2, 2, 2], wakeFd } });
    close(wakeFd);
    if (what === "step") end(wake);
    else close(wake); // the keeper has ended by itself
    const code = waitFor(child.pid, { block: true })!.exitCode;
    const failure = child.failure()!;
    if (what === "step") {
      assert.deepEqual([code, failure.index, failure.step.syscall, failure.errno], [
        0,
        1,
        "chdir",
        2,
      ]);
      assert.equal(child.keptStatus(), 127 << 8);
    } else {
      assert.deepEqual([code, failure.step.syscall, failure.errno], [127, "clone3", 22]);
    }
    finish(child);
  }
});

test("a keeper becomes its program when whoever made it is killed", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ctr-keeper-"));
  const script = join(import.meta.dirname!, "../../tests/fixtures/keeper_program.ts");
  try {
    for (let round = 0; round < 5; round++) {
      const file = join(directory, String(round));
      const [runtime, ...args] = [...runtimeArgv, script, file];
      const { stdout, signal, stderr } = spawnSync(runtime!, args, { encoding: "utf8" });
      assert.equal(signal, "SIGKILL", stderr);
      for (let ms = 0; !existsSync(file) && ms < 5000; ms += 10) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.equal(readFileSync(file, "utf8"), `${stdout.trim()} r\n`);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
