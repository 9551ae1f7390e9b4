import assert from "node:assert/strict";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { close, ProgramBuilder, run } from "../../src/program/mod.ts";
import { Bundle, finish, traces } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

test("a container has namespaces of its own", here, async () => {
  await using bundle = new Bundle();
  const kinds = ["mnt", "pid", "net", "ipc", "uts", "cgroup"];
  const script = kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join("; ");
  const { stdout } = await bundle.sh(script);
  const inside = stdout.trim().split("\n");
  assert.equal(inside.length, kinds.length);
  kinds.forEach((kind, i) => assert.notEqual(inside[i], readlinkSync(`/proc/self/ns/${kind}`)));
});

test("a container with network host is in the host's network namespace", here, async () => {
  await using bundle = new Bundle();
  const { stdout } = await bundle.sh("readlink /proc/self/ns/net", { network: "host" });
  assert.equal(stdout.trim(), readlinkSync("/proc/self/ns/net"));
});

test("a container sees its processes, its name and its mounts only", here, async () => {
  await using bundle = new Bundle();
  const { stdout } = await bundle.sh("echo $$; hostname; ps | wc -l; cat /proc/mounts");
  const [pid, name, processes, ...mounts] = stdout.trim().split("\n");
  assert.equal(pid, "1");
  assert.equal(name, "inside");
  assert.ok(Number(processes) < 6);
  const places = mounts.map((line) => line.split(" ")[1]!);
  for (const place of ["/", "/proc", "/dev", "/dev/pts", "/sys", "/dev/shm", "/dev/mqueue"]) {
    assert.ok(places.includes(place), place);
  }
  assert.ok(!mounts.join("\n").includes(bundle.dir));
});

test(
  "a container's /dev has the devices and links that programs expect, and no others",
  here,
  async () => {
    await using bundle = new Bundle();
    const { stdout } = await bundle.sh(
      "ls /dev | sort; stat -c '%n %t:%T' /dev/null /dev/tty; readlink /dev/fd; readlink /dev/ptmx; echo x >/dev/null",
    );
    assert.equal(
      stdout,
      (existsSync("/proc/kcore") ? "core\n" : "") +
        "fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n" +
        "/dev/null 1:3\n/dev/tty 5:0\n/proc/self/fd\npts/ptmx\n",
    );
  },
);

test("masked paths are empty, read-only paths are read-only", here, async () => {
  await using bundle = new Bundle();
  const { stdout, stderr, exitCode } = await bundle.sh(
    "cat /proc/keys /proc/timer_list; ls /proc/acpi /sys/firmware 2>/dev/null | grep -v :;" +
      "echo 1 > /proc/sys/kernel/domainname || echo 1 > /proc/irq/default_smp_affinity || mkdir /sys/x",
  );
  assert.equal(stdout.trim(), "");
  assert.equal(exitCode, 1);
  assert.equal(stderr.match(/Read-only file system/g)?.length, 3, stderr);
});

test("systempaths=unconfined lifts masks", here, async () => {
  await using bundle = new Bundle();
  const script = "head -c 5 /proc/timer_list | wc -c";
  assert.equal((await bundle.sh(script)).stdout.trim(), "0");
  const lifted = await bundle.sh(script, { securityOpt: ["systempaths=unconfined"] });
  assert.equal(lifted.stdout.trim(), "5");
});

test("capabilities, seccomp and no_new_privs are what Docker sets", here, async () => {
  await using bundle = new Bundle();
  const status = async (more = {}) => {
    const { stdout } = await bundle.sh("cat /proc/self/status", more);
    return Object.fromEntries(
      stdout.split("\n").map((line) => line.split(":\t") as [string, string]),
    );
  };
  const root = await status();
  assert.equal(root["CapBnd"], "00000000a80425fb");
  assert.equal(root["CapEff"], "00000000a80425fb");
  assert.equal(root["CapInh"], "0000000000000000");
  assert.equal(root["CapAmb"], "0000000000000000");
  assert.equal(root["Seccomp"], "2");
  assert.equal(root["NoNewPrivs"], "0");
  const user = await status({ uid: 1000, gid: 1000, securityOpt: ["no-new-privileges"] });
  assert.equal(user["CapBnd"], "00000000a80425fb");
  assert.equal(user["CapEff"], "0000000000000000");
  assert.equal(user["CapPrm"], "0000000000000000");
  assert.equal(user["Seccomp"], "2");
  assert.equal(user["NoNewPrivs"], "1");
  const none = await status({ capDrop: ["ALL"], securityOpt: ["seccomp=unconfined"] });
  assert.equal(none["CapBnd"], "0000000000000000");
  assert.equal(none["Seccomp"], "0");
});

test("the filter refuses what the default profile refuses", here, async () => {
  await using bundle = new Bundle();
  const { stderr, exitCode } = await bundle.sh("unshare -U true; mount -t tmpfs x /tmp");
  assert.notEqual(exitCode, 0);
  assert.equal(stderr.match(/not permitted|denied/gi)?.length, 2, stderr);
  const allowed = await bundle.sh("mount -t tmpfs x /tmp && unshare -m true", {
    capAdd: ["SYS_ADMIN"],
  });
  assert.equal(allowed.exitCode, 0, allowed.stderr);
});

test("--privileged gives all that this host has, and no more is asked for", here, async () => {
  await using bundle = new Bundle();
  const { stdout } = await bundle.sh(
    "grep CapEff /proc/self/status; mount -t tmpfs x /tmp && echo mounted; touch /sys/x 2>&1",
    { privileged: true },
  );
  const own = /CapPrm:\t(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))![1];
  assert.ok(stdout.includes(`CapEff:\t${own}`), stdout);
  assert.ok(stdout.includes("mounted"));
  assert.ok(!stdout.includes("Read-only"));
});

test(
  "no descriptor, no environment and no group of the host gets into a container",
  here,
  async () => {
    await using bundle = new Bundle();
    const { stdout } = await bundle.sh("ls /proc/self/fd; env | sort; id; cat /proc/self/loginuid");
    const lines = stdout.trim().split("\n");
    // ls has one of its own open.
    assert.deepEqual(lines.slice(0, 4), ["0", "1", "2", "3"]);
    assert.deepEqual(lines.filter((line) => line.includes("=") && !line.startsWith("uid")), [
      "PATH=/bin",
      "PWD=/",
      "SHLVL=1",
    ]);
    assert.ok(lines.includes("uid=0 gid=0"), stdout);
  },
);

test("signals are at their default and none is blocked", here, async () => {
  await using bundle = new Bundle();
  const { stdout } = await bundle.run(["/bin/grep", "Sig[BI]", "/proc/self/status"]);
  assert.match(stdout, /SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000/);
});

test("nothing of many runs stays on the host", here, async () => {
  await using bundle = new Bundle();
  await bundle.run(["/bin/true"]);
  const before = traces();
  for (let i = 0; i < 20; i++) await bundle.run(["/bin/true"]);
  assert.deepEqual(traces(), before);
});

test("a container that was created and abandoned leaves nothing", here, async () => {
  await using bundle = new Bundle();
  await bundle.run(["/bin/true"]);
  const before = traces();
  const { process, stdout, stderr } = await bundle.create(["/bin/true"]);
  process.abandon();
  close(stdout);
  close(stderr);
  await bundle.destroy();
  assert.deepEqual(traces(), before);
});

test("a container that waits shares neither memory nor executable with us", here, async () => {
  await using bundle = new Bundle();
  const created = await bundle.create(["/bin/true"], { uid: 1000 });
  const about = (file: string) => `/proc/${created.process.pid}/${file}`;
  assert.match(readlinkSync(about("exe")), /^\/memfd:ctr/);
  const pages = Number(readFileSync(about("statm"), "utf8").split(" ")[0]);
  assert.ok(pages < 200, `${pages} pages`);
  const p = new ProgramBuilder("ask");
  const PR_GET_DUMPABLE = 3;
  const answer = p.step("prctl", [PR_GET_DUMPABLE, 0, 0, 0, 0]);
  assert.equal(run(p)(answer), 1);
  finish(created);
});
