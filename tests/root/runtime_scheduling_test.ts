import assert from "node:assert/strict";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import type { OciLinux, OciProcess, OciSpec } from "../../src/oci/mod.ts";
import { call, close, kill, waitFor } from "../../src/program/mod.ts";
import { destroy } from "../../src/runtime/mod.ts";
import { Bundle, type Ran, type Variation } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

/** The default spec with other things in it. */
const having = (
  { process = {}, linux = {} }: {
    readonly process?: Partial<OciProcess>;
    readonly linux?: Partial<OciLinux>;
  },
): Variation => ({
  change: (spec: OciSpec): OciSpec => ({
    ...spec,
    process: { ...spec.process!, ...process },
    linux: { ...spec.linux, ...linux },
  }),
});

/** A container of this kind that sleeps, and one command after the other in it. */
async function added(
  bundle: Bundle,
  more: Variation,
  scripts: readonly (readonly [script: string, process: Partial<OciProcess>])[],
): Promise<Ran[]> {
  const spec = bundle.spec(["/bin/sleep", "60"], more);
  const { process, stdout, stderr } = await bundle.create(["/bin/sleep", "60"], more);
  process.start();
  const { pid } = process;
  const ran: Ran[] = [];
  try {
    for (const [script, other] of scripts) {
      const args = ["/bin/sh", "-c", script];
      ran.push(await bundle.exec({ pid, spec, process: { ...spec.process!, ...other, args } }));
    }
    return ran;
  } finally {
    kill(pid, 9);
    waitFor(pid, { block: true });
    for (const fd of [stdout, stderr]) close(fd);
    await bundle.destroy();
  }
}

/** Fields of `/proc/self/stat` by their numbers in proc(5). */
const statFields = (text: string, ...numbers: number[]): string[] => {
  const after = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return numbers.map((number) => after[number - 3]!);
};

test("a scheduler of every policy is the process's", here, async () => {
  await using bundle = new Bundle();
  const ran = async (scheduler: NonNullable<OciProcess["scheduler"]>) => {
    // A share of the real time must be had from above, where cgroups have one to give.
    const shares = existsSync("/sys/fs/cgroup/cpu/cpu.rt_runtime_us");
    const share = having({
      process: { scheduler },
      linux: {
        cgroupsPath: `/${bundle.id}-share`,
        resources: { cpu: shares ? { realtimeRuntime: 50_000 } : {} },
      },
    });
    const args = ["/bin/cat", "/proc/self/stat"];
    try {
      const { stdout } = await bundle.run(args, share);
      return statFields(stdout, 19, 40, 41); // nice, real-time priority, policy
    } finally {
      await destroy({ id: bundle.id, spec: bundle.spec(args, share) });
    }
  };
  assert.deepEqual(await ran({ policy: "SCHED_OTHER", nice: 7 }), ["7", "0", "0"]);
  assert.deepEqual(await ran({ policy: "SCHED_FIFO", priority: 9 }), ["0", "9", "1"]);
  assert.deepEqual(
    await ran({ policy: "SCHED_RR", priority: 3, flags: ["SCHED_FLAG_RESET_ON_FORK"] }),
    ["0", "3", "2"],
  );
  assert.deepEqual(await ran({ policy: "SCHED_BATCH", nice: 5 }), ["5", "0", "3"]);
  assert.deepEqual(await ran({ policy: "SCHED_IDLE" }), ["0", "0", "5"]);
});

test("a scheduler or I/O priority that does not exist is refused", here, async () => {
  await using bundle = new Bundle();
  const refused = (process: object, message: RegExp) =>
    assert.rejects(bundle.run(["/bin/true"], having({ process })), message);
  const scheduler = { policy: "SCHED_NONE" };
  await refused({ scheduler }, /cannot set scheduler "SCHED_NONE": there is no such policy/);
  await refused(
    { scheduler: { policy: "SCHED_OTHER", flags: ["SCHED_FLAG_X"] } },
    /cannot set scheduler "SCHED_FLAG_X": there is no such flag/,
  );
  await refused(
    { ioPriority: { class: "IOPRIO_CLASS_X", priority: 0 } },
    /cannot set I\/O priority "IOPRIO_CLASS_X": there is no such class/,
  );
});

test("a personality and a memory policy hold for added processes too", here, async () => {
  await using bundle = new Bundle();
  const script = "busybox uname -m; head -n 1 /proc/self/numa_maps | cut -d ' ' -f 2";
  const policy = (nodes: string) => ({ mode: "MPOL_BIND", nodes, flags: ["MPOL_F_STATIC_NODES"] });
  const special = having({
    linux: { personality: { domain: "LINUX32" }, memoryPolicy: policy("0") },
  });
  const machine = process.arch === "x64" ? "i686" : "armv8l";
  const expected = `${machine}\nbind=static:0\n`;
  const cut = script.replace("cut", "busybox cut");
  assert.equal((await bundle.sh(cut, special)).stdout, expected);
  const [inside] = await added(bundle, special, [[cut, {}]]);
  assert.equal(inside!.stdout, expected);
  const usual = await bundle.sh(cut, having({ linux: { personality: { domain: "LINUX" } } }));
  assert.match(usual.stdout, /^(x86_64|aarch64)\ndefault\n$/);
  const refused = (linux: object, message: RegExp) =>
    assert.rejects(bundle.run(["/bin/true"], having({ linux })), message);
  await refused(
    { memoryPolicy: { mode: "MPOL_BIND" } },
    /cannot set memory policy "MPOL_BIND": invalid argument/,
  );
  await refused({ memoryPolicy: { mode: "MPOL_X" } }, /"MPOL_X": there is no such mode/);
  await refused({ memoryPolicy: policy("all") }, /cannot use memory nodes "all"/);
  await refused({ personality: { domain: "BSD" } }, /"BSD": there is no such domain/);
});

test("an added process runs on the processors that it asks for", here, async () => {
  await using bundle = new Bundle();
  const script = "grep Cpus_allowed_list /proc/self/status";
  const whole = /Cpus_allowed_list:\t(.*)/.exec(readFileSync("/proc/self/status", "utf8"))![1];
  const allowed = async (
    cpus: OciProcess["execCPUAffinity"],
    own: OciProcess["execCPUAffinity"],
  ) => {
    const more = having({ process: cpus === undefined ? {} : { execCPUAffinity: cpus } });
    const other = own === undefined ? {} : { execCPUAffinity: own };
    const [ran] = await added(bundle, more, [[script, other]]);
    return ran!.stdout.split("\t")[1]!.trim();
  };
  assert.equal(await allowed(undefined, { final: "0" }), "0");
  assert.equal(await allowed({ initial: "0", final: "0" }, undefined), "0"); // the container's
  // Where it began does not matter then, nor where this process is.
  assert.equal(await allowed(undefined, { initial: "0" }), whole);
  const affinity = (mask: Uint8Array) =>
    call("sched_setaffinity", "this process", 0, mask.length, mask);
  affinity(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
  try {
    assert.equal((await bundle.sh(script)).stdout.split("\t")[1]!.trim(), whole);
    assert.equal(await allowed(undefined, undefined), whole);
  } finally {
    affinity(new Uint8Array(1024).fill(0xff));
  }
  await assert.rejects(allowed(undefined, { initial: "x" }), /cannot set CPU affinity "x"/);
  // Not for the container itself.
  const own = await bundle.sh(script, having({ process: { execCPUAffinity: { final: "0" } } }));
  assert.equal(own.stdout.split("\t")[1]!.trim(), whole);
});

const DAY = 86400;
const offsets = { monotonic: { secs: 3 * DAY }, boottime: { secs: 1000 * DAY, nanosecs: 5 } };
const spaces = (extra: readonly object[]) => (spec: OciSpec): OciSpec => ({
  ...spec,
  linux: {
    ...spec.linux,
    namespaces: [...spec.linux!.namespaces!, ...extra as NonNullable<OciLinux["namespaces"]>],
    timeOffsets: offsets,
  },
});
const TIME = "readlink /proc/self/ns/time; cat /proc/uptime";

/** That a process is in a time namespace with the offsets. */
function displaced({ stdout, stderr }: Ran): string {
  const [namespace, uptime] = stdout.split("\n");
  assert.match(namespace!, /^time:/, stderr);
  assert.notEqual(namespace, readlinkSync("/proc/self/ns/time"));
  assert.ok(Number(uptime!.split(" ")[0]) > 1000 * DAY, uptime);
  return namespace!;
}

test("a container has a time of its own, and what is added to it the same", here, async () => {
  await using bundle = new Bundle();
  const own = { change: spaces([{ type: "time" }]) };
  displaced(await bundle.sh(TIME, own));
  const [one, two] = await added(bundle, own, [[TIME, {}], ["readlink /proc/1/ns/time", {}]]);
  assert.equal(displaced(one!), two!.stdout.trim());
  await assert.rejects(
    bundle.sh("true", {
      change: (spec) => ({
        ...spaces([{ type: "time" }])(spec),
        linux: { ...own.change(spec).linux, timeOffsets: { realtime: { secs: 1 } } },
      }),
    }),
    /cannot set time offset "realtime": only monotonic and boottime can be set/,
  );
});

test("a time namespace can belong to a user namespace, and can be joined", here, async () => {
  await using bundle = new Bundle();
  const mapped = (spec: OciSpec): OciSpec => {
    const whole = spaces([{ type: "time" }, { type: "user" }])(spec);
    const mappings = [{ containerID: 0, hostID: 0, size: 65536 }];
    return {
      ...whole,
      linux: { ...whole.linux, uidMappings: mappings, gidMappings: mappings },
    };
  };
  displaced(await bundle.sh(TIME, { change: mapped }));
  const first = await bundle.create(["/bin/sleep", "60"], { change: spaces([{ type: "time" }]) });
  try {
    first.process.start();
    const path = `/proc/${first.process.pid}/ns/time`;
    await using second = new Bundle();
    const joins = spaces([{ type: "time", path }]);
    const { timeOffsets: _, ...rest } = joins(second.spec(["true"])).linux!;
    const joined = await second.sh(TIME, { change: (spec) => ({ ...spec, linux: rest }) });
    assert.equal(displaced(joined), readlinkSync(path));
  } finally {
    kill(first.process.pid, 9);
    waitFor(first.process.pid, { block: true });
    for (const fd of [first.stdout, first.stderr]) close(fd);
  }
});
