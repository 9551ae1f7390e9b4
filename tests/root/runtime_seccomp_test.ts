import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciSeccomp, OciSeccompAction, OciSeccompArg, OciSpec } from "../../src/oci/mod.ts";
import { call, close, kill, SYS, waitFor } from "../../src/program/mod.ts";
import { staticElf } from "../../src/runtime/init/init_elf.ts";
import { Bundle, traces, type Variation } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";
import { Agent, answer } from "../fixtures/seccomp_agent.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

const filtered = (profile: Partial<OciSeccomp>, noNewPrivileges = false): Variation => ({
  change: (spec: OciSpec): OciSpec => ({
    ...spec,
    process: { ...spec.process!, noNewPrivileges },
    linux: { ...spec.linux, seccomp: { defaultAction: "SCMP_ACT_ALLOW", ...profile } },
  }),
});
const rule = (names: readonly string[], action: OciSeccompAction, more: object = {}) => ({
  syscalls: [{ names, action, ...more }],
});

test("every action is what the kernel does", here, async () => {
  await using bundle = new Bundle();
  const SIGSYS = 31;
  const tried = async (action: OciSeccompAction, more: object = {}) => {
    const { exitCode, stderr } = await bundle.run(
      ["/bin/mkdir", "/tmp/x"],
      filtered(rule(["mkdir", "mkdirat", "no_such_call"], action, more)),
    );
    rmSync(join(bundle.rootfs, "tmp/x"), { recursive: true, force: true });
    return exitCode === 1 ? /: ([^:]+)\n$/.exec(stderr)![1] : exitCode;
  };
  assert.equal(await tried("SCMP_ACT_ALLOW"), 0);
  assert.equal(await tried("SCMP_ACT_LOG"), 0);
  for (const action of ["KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP"] as const) {
    assert.equal(await tried(`SCMP_ACT_${action}`), 128 + SIGSYS, action);
  }
  assert.equal(await tried("SCMP_ACT_ERRNO"), "Operation not permitted");
  assert.equal(await tried("SCMP_ACT_ERRNO", { errnoRet: 28 }), "No space left on device");
  assert.equal(await tried("SCMP_ACT_TRACE", { errnoRet: 1 }), "Function not implemented");
});

test(
  "flags of a filter are what the kernel knows, and unknown ones are refused",
  here,
  async () => {
    await using bundle = new Bundle();
    const names = ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"];
    const flags = names.map((name) => `SECCOMP_FILTER_FLAG_${name}`);
    for (const used of [[], ...flags.map((flag) => [flag]), flags]) {
      const { exitCode } = await bundle.run(["/bin/true"], filtered({ flags: used }));
      assert.equal(exitCode, 0, used.join());
    }
    await assert.rejects(
      bundle.run(["/bin/true"], filtered({ flags: ["SECCOMP_FILTER_FLAG_X"] })),
      /cannot use seccomp flag "SECCOMP_FILTER_FLAG_X": there is no such flag/,
    );
  },
);

/** A program that calls truncate(2) with a length of 64 bits, and exits with the errno. */
const truncate = (length: bigint): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  // xor edi,edi; movabs rsi,length; mov eax,76; syscall; neg eax; mov edi,eax; mov eax,231; syscall
  return Uint8Array.from([
    ...[0x31, 0xff, 0x48, 0xbe, ...bytes, 0xb8, 76, 0, 0, 0, 0x0f, 0x05],
    ...[0xf7, 0xd8, 0x89, 0xc7, 0xb8, 231, 0, 0, 0, 0x0f, 0x05],
  ]);
};

test("conditions compare 64 bits, unsigned", needs("root", "cgroup", "x86_64"), async () => {
  await using bundle = new Bundle();
  const [small, limit, large] = [0x1_0000_0000n, 0x8000_0000_0000_0001n, 0xffff_ffff_0000_0000n];
  for (const length of [small, limit, large]) {
    writeFileSync(join(bundle.rootfs, `bin/${length}`), staticElf("x86_64", truncate(length)), {
      mode: 0o755,
    });
  }
  const [EFAULT, EINVAL, EBUSY] = [14, 22, 16];
  const passes = (length: bigint) => length === small ? EFAULT : EINVAL;
  const tried = async (op: OciSeccompArg["op"], value: bigint, valueTwo?: bigint) => {
    const two = valueTwo === undefined ? {} : { valueTwo: String(valueTwo) };
    const arg = { index: 1, op, value: String(value), ...two };
    const more = filtered(rule(["truncate"], "SCMP_ACT_ERRNO", { errnoRet: EBUSY, args: [arg] }));
    const hit: bigint[] = [];
    for (const length of [small, limit, large]) {
      const { exitCode } = await bundle.run([`/bin/${length}`], more);
      if (exitCode === EBUSY) hit.push(length);
      else assert.equal(exitCode, passes(length), `${op} ${length}`);
    }
    return hit;
  };
  assert.deepEqual(await tried("SCMP_CMP_EQ", limit), [limit]);
  assert.deepEqual(await tried("SCMP_CMP_NE", limit), [small, large]);
  assert.deepEqual(await tried("SCMP_CMP_LT", limit), [small]);
  assert.deepEqual(await tried("SCMP_CMP_LE", limit), [small, limit]);
  assert.deepEqual(await tried("SCMP_CMP_GT", limit), [large]);
  assert.deepEqual(await tried("SCMP_CMP_GE", limit), [limit, large]);
  assert.deepEqual(
    await tried("SCMP_CMP_MASKED_EQ", 0x8000_0000_0000_0001n, 0x8000_0000_0000_0000n),
    [
      large,
    ],
  );
});

test(
  "system calls of the other architectures of this machine are filtered",
  needs("root", "cgroup", "x86_64"),
  async () => {
    await using bundle = new Bundle();
    // mov eax,NUMBER; CALL; neg eax; mov edi,eax; mov eax,231; syscall
    const getpid = (number: number, call: readonly number[]) =>
      Uint8Array.from([
        ...[0xb8, number & 0xff, 0, 0, number >>> 24, ...call],
        ...[0xf7, 0xd8, 0x89, 0xc7, 0xb8, 231, 0, 0, 0, 0x0f, 0x05],
      ]);
    const ways = {
      native: getpid(39, [0x0f, 0x05]),
      i386: getpid(20, [0xcd, 0x80]),
      x32: getpid(0x40000000 + 39, [0x0f, 0x05]),
    };
    for (const [name, code] of Object.entries(ways)) {
      writeFileSync(join(bundle.rootfs, "bin", name), staticElf("x86_64", code), { mode: 0o755 });
    }
    const tried = async (architectures: readonly string[]) => {
      const more = filtered({
        architectures,
        ...rule(["getpid"], "SCMP_ACT_ERRNO", { errnoRet: 77 }),
      });
      const codes: number[] = [];
      for (const name of Object.keys(ways)) {
        codes.push(
          (await bundle.run([`/bin/${name}`], more)).exitCode,
        );
      }
      return codes;
    };
    const ENOSYS = 38;
    assert.deepEqual(await tried([]), [77, ENOSYS, ENOSYS]);
    assert.deepEqual(await tried(["SCMP_ARCH_X86"]), [77, 77, ENOSYS]);
    assert.deepEqual(await tried(["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"]), [77, ENOSYS, 77]);
    await assert.rejects(tried(["SCMP_ARCH_VAX"]), /there is no such architecture/);
  },
);

const MAKES = ["mkdir", "mkdirat"];

test(
  "an agent decides about system calls, of the container and of what is added",
  here,
  async () => {
    await using bundle = new Bundle();
    using agent = new Agent();
    for (const noNewPrivileges of [false, true]) {
      const profile = {
        ...rule(MAKES, "SCMP_ACT_NOTIFY"),
        listenerPath: agent.path,
        listenerMetadata: "what=ever",
        flags: ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
      };
      const more: Variation = {
        change: (spec) => ({
          ...filtered(profile, noNewPrivileges).change!(spec),
          annotations: { some: "thing" },
        }),
      };
      const script =
        "mkdir /tmp/a; mkdir /tmp/b && rm -r /tmp/b; ls -l /proc/self/fd; echo end; sleep 60";
      const args = ["/bin/sh", "-c", script];
      const { process, stdout, stderr } = await bundle.create(args, more);
      const { state, listener } = agent.receive();
      const { id, dir } = bundle;
      const { pid } = process;
      const about = { ociVersion: "1.2.0", id, bundle: dir, annotations: { some: "thing" } };
      assert.deepEqual(state, {
        ociVersion: "1.2.0",
        fds: ["seccompFd"],
        pid,
        metadata: "what=ever",
        state: { ...about, status: "creating", pid },
      });
      process.start();
      const first = answer(listener, 16);
      assert.ok(MAKES.some((name) => SYS[name as "mkdirat"] === first.nr));
      assert.notEqual(first.pid, 0);
      answer(listener, 0);
      const text = (fd: number, until: RegExp) => {
        let all = "";
        const buffer = new Uint8Array(4096);
        while (!until.test(all)) {
          const got = call("read", "output", fd, buffer, buffer.length);
          all += new TextDecoder().decode(buffer.subarray(0, got));
          if (got === 0) break;
        }
        return all;
      };
      assert.match(text(stderr, /\n/), /a': (Device or resource busy|Resource busy)\n/);
      const fds = text(stdout, /end\n$/);
      assert.ok(!/seccomp/.test(fds), fds);

      const spec = bundle.spec(args, more);
      const added = { ...spec.process!, args: ["/bin/true"] };
      const ran = await bundle.exec({ pid, id, bundle: dir, spec, process: added });
      assert.equal(ran.exitCode, 0);
      const second = agent.receive();
      assert.deepEqual(second.state["state"], { ...about, status: "running", pid });
      assert.notEqual(second.state["pid"], pid);
      kill(pid, 9);
      waitFor(pid, { block: true });
      for (const fd of [stdout, stderr, listener, second.listener]) close(fd);
      await bundle.destroy();
    }
  },
);

test("without an agent a container does not start, and nothing stays", here, async () => {
  await using bundle = new Bundle();
  await bundle.run(["/bin/true"]);
  const before = traces();
  const refused = (profile: Partial<OciSeccomp>, message: RegExp) =>
    assert.rejects(bundle.run(["/bin/true"], filtered(profile)), message);
  // read(2) is what the process would wait with.
  const notify = rule([...MAKES, "read"], "SCMP_ACT_NOTIFY");
  await refused(
    { ...notify, listenerPath: "/no/such" },
    /cannot hand over the seccomp listener "\/no\/such": no such file or directory/,
  );
  await refused(notify, /SCMP_ACT_NOTIFY needs a listenerPath/);
  await refused(
    { ...rule(["write"], "SCMP_ACT_NOTIFY"), listenerPath: "/x" },
    /SCMP_ACT_NOTIFY cannot be used for the write syscall/,
  );
  await refused(
    { defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/x" },
    /it cannot be used as default action/,
  );
  assert.deepEqual(traces(), before);
});
