import assert from "node:assert/strict";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { arch } from "../../ffi/mod.ts";
import { exec } from "../../src/runtime/mod.ts";
import { staticElf } from "../../src/runtime/init/init_elf.ts";
import { end, inPlainRoot } from "../fixtures/attack.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";
import { OciRuntime } from "../fixtures/oci_command.ts";

// runc: an image whose command leads to /proc/self/exe made the runtime execute itself inside the
// container, with the image's dynamic loader, which kept the executable open and wrote to the host's
// runtime when that had ended. So did a process that opened /proc/PID/exe of one that joined.

const here = needs("root", "cgroup", "file:/bin/busybox");

/** The dynamic loader that an executable wants: the string of its PT_INTERP. */
function loaderOf(file: string): string {
  const fd = fs.openSync(file, "r");
  const read = (at: number, length: number) => {
    const bytes = Buffer.alloc(length);
    fs.readSync(fd, bytes, 0, length, at);
    return bytes;
  };
  try {
    const [headers, count] = [Number(read(32, 8).readBigUInt64LE()), read(56, 2).readUInt16LE()];
    for (let n = 0; n < count; n++) {
      const header = read(headers + n * 56, 56);
      if (header.readUInt32LE() !== 3) continue;
      const [at, size] = [header.readBigUInt64LE(8), header.readBigUInt64LE(32)];
      return read(Number(at), Number(size) - 1).toString();
    }
    throw new Error(`${file} has no PT_INTERP`);
  } finally {
    fs.closeSync(fd);
  }
}

/** A loader that says which executable it was started for: `readlink("/proc/self/exe")`, `write`. */
const LOADER = {
  x86_64: "SI09MwAAAEiB7AABAABIiea6/wAAALhZAAAADwWJwkiJ5r8BAAAAuAEAAAAPBb8HAAAAuOcAAAAPBS9wcm9j" +
    "L3NlbGYvZXhlAA==",
  aarch64: "4QEAEGAMgJL/AwTR4gMAkeMfgNLICYDSAQAA1OIDAKogAIDS4QMAkQgIgNIBAADU4ACA0sgLgNIBAADUL3By" +
    "b2Mvc2VsZi9leGUA",
};

/** An image with a loader of its own for the runtime, and commands that are /proc/self/exe. */
function hostile(bundle: Bundle): void {
  const at = (path: string) => join(bundle.rootfs, path);
  const loader = loaderOf(process.execPath);
  for (const path of [dirname(loader), "evil", "proc"]) fs.mkdirSync(at(path), { recursive: true });
  const program = staticElf(arch, Buffer.from(LOADER[arch], "base64"));
  program[16] = 3; // ET_DYN: it can lie beside another program
  fs.writeFileSync(at(loader), program, { mode: 0o755 });
  fs.symlinkSync("/proc/self/exe", at("evil/link"));
  fs.writeFileSync(at("evil/script"), "#!/proc/self/exe\n", { mode: 0o755 });
  fs.writeFileSync(at("evil/twice"), "#!/evil/link\n", { mode: 0o755 });
}

const COMMANDS = ["/proc/self/exe", "/evil/link", "/evil/script", "/evil/twice"];

test("CVE-2019-5736: an image's command does not execute the runtime", here, async () => {
  await using bundle = new Bundle();
  hostile(bundle);
  const args = ["/bin/sleep", "60"];
  const spec = bundle.spec(args);
  for (const command of COMMANDS) {
    assert.equal(inPlainRoot(bundle, [command]), process.execPath);
    assert.deepEqual(await bundle.run([command]), { exitCode: 127, stdout: "", stderr: "" });
  }
  const created = await bundle.create(args);
  const first = created.process;
  first.start();
  try {
    for (const command of COMMANDS) {
      const added = { ...spec.process!, args: [command] };
      const ran = await bundle.exec({ pid: first.pid, spec, process: added });
      assert.deepEqual(ran, { exitCode: 127, stdout: "", stderr: "" });
    }
  } finally {
    end(created);
  }
});

test("CVE-2019-5736: nor does it from the command line, of run and of exec", here, async () => {
  await using oci = new OciRuntime();
  hostile(oci.bundle);
  for (const command of COMMANDS) {
    oci.configure([command]);
    const { code, stdout } = await oci.call(["run", "--bundle", oci.dir, oci.id]);
    assert.deepEqual([code, stdout], [127, ""]);
  }
  oci.configure(["/bin/sleep", "60"]);
  await oci.create();
  await oci.start();
  for (const command of COMMANDS) {
    const { code, stdout } = await oci.call(["exec", oci.id, command]);
    assert.deepEqual([code, stdout], [127, ""]);
  }
});

test("CVE-2019-5736: who joins a container shows it no executable of the host", here, async () => {
  await using bundle = new Bundle();
  const more = { capAdd: ["SYS_PTRACE"], securityOpt: ["seccomp=unconfined"] };
  const args = ["/bin/sleep", "60"];
  const spec = bundle.spec(args, more);
  const created = await bundle.create(args, more);
  const first = created.process;
  first.start();
  const joining = await exec({
    pid: first.pid,
    spec,
    process: { ...spec.process!, args: ["/bin/true"] },
    stdio: { stdin: 0, stdout: 1, stderr: 2 },
  });
  try {
    const script = "for p in /proc/[0-9]*; do readlink $p/exe; done; " +
      "for p in /proc/[0-9]*; do (echo x > $p/exe) 2>&1; done";
    const { stdout } = await bundle.exec({
      pid: first.pid,
      spec,
      process: { ...spec.process!, args: ["/bin/sh", "-c", script] },
    });
    assert.ok(!stdout.includes(process.execPath), stdout);
    // It is in sight, even to be opened, for one that may trace it: only it is not the host's.
    assert.match(stdout, /^\/memfd:ctr \(deleted\)$/m);
    assert.match(stdout, /exe: Text file busy/);
  } finally {
    joining.abandon();
    end(created);
  }
});
