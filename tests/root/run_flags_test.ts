/**
 * Each flag of `ctr run`, as the container sees it from the inside.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Cli, output, until } from "../fixtures/cli.ts";
import { type Need, needs } from "../fixtures/needs.ts";

/** The first 32-bit word of the first capability set with all of Docker's defaults. */
const DEFAULT_CAPABILITIES = "00000000a80425fb";

/** What a shell in a fresh container of the image `host` prints. */
function inside(
  name: string,
  work: (run: (flags: string[], script: string) => Promise<string>, cli: Cli) => Promise<void>,
  ...more: Need[]
): void {
  test(`ctr run ${name}`, needs("root", "overlayfs", ...more), async () => {
    const cli = new Cli("flags");
    try {
      const run = (flags: string[], script: string) =>
        cli.ok(["run", "--rm", ...flags, "host", "sh", "-c", script]);
      await work(run, cli);
    } finally {
      await cli.end();
    }
  });
}

inside("isolates: namespaces, /proc, /dev, capabilities, masked paths", async (run, cli) => {
  for (const kind of ["mnt", "pid", "net", "ipc", "uts", "cgroup"]) {
    const link = await run([], `readlink /proc/self/ns/${kind}`);
    assert.match(link, new RegExp(`^${kind}:`));
    assert.notEqual(
      link.trim(),
      (await output(["readlink", `/proc/self/ns/${kind}`])).trim(),
      kind,
    );
  }
  assert.equal(await run([], "echo $$"), "1\n");
  assert.equal(
    await run([], "grep CapEff /proc/self/status | cut -f2"),
    `${DEFAULT_CAPABILITIES}\n`,
  );
  assert.equal(await run([], "grep Seccomp: /proc/self/status | cut -f2"), "2\n");
  assert.equal(await run([], "ls /sys/class/net"), "lo\n");
  const devices = await run([], "ls -1 /dev");
  for (
    const name of "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
      .split(" ")
  ) {
    assert.match(devices, new RegExp(`^${name}$`, "m"));
  }
  assert.doesNotMatch(devices, /^(sd|vd|loop|mem|kmsg)/m);
  const masked =
    "for f in kcore keys timer_list sched_debug; do cat /proc/$f 2>&-; done | wc -c; " +
    "for d in acpi scsi; do ls -A /proc/$d 2>&-; done | wc -l";
  assert.equal(await run([], masked), "0\n0\n");
  assert.equal(await run([], "echo 1 > /proc/sys/kernel/panic || echo refused"), "refused\n");
  assert.equal(await run([], "unshare -U true 2>/dev/null || echo refused"), "refused\n");
  assert.equal(
    await run([], "ls -l /proc/self/fd | grep -c -- '->'"),
    "4\n",
    "0, 1, 2 and ls's own",
  );
  const bad = await cli.run(["run", "--rm", "host", "sh", "-c", `cat ${cli.data}/*.db`]);
  assert.notEqual(bad.code, 0, "the host's files are not there");
});

inside("-e, --env-file", async (run, cli) => {
  const file = join(cli.root, "env");
  writeFileSync(file, "# comment\nA=from file\nB=b=c\n\nINHERITED\n");
  const script = 'echo "$A|$B|$C|$INHERITED"';
  const flags = ["--env-file", file, "-e", "C=flag", "-e", "A=flag wins"];
  const out = await cli.ok(["run", "--rm", ...flags, "host", "sh", "-c", script], {
    env: { INHERITED: "yes", SECRET: "no" },
  });
  assert.equal(out, "flag wins|b=c|flag|yes\n");
  assert.equal(await run(["-e", "X"], 'echo "${X-unset}${SECRET-unset}"'), "unsetunset\n");
  assert.match(await run([], "echo $PATH"), /^\/usr\/local\/sbin:\/usr\/local\/bin:/);
});

inside("-w, -u, --group-add, --hostname, --entrypoint", async (run, cli) => {
  assert.equal(await run(["-w", "/usr/bin"], "pwd"), "/usr/bin\n");
  assert.equal(await run(["-w", "/new/dir"], "pwd"), "/new/dir\n");
  assert.equal(await run(["-u", "1234:5678"], "id -u; id -g; id -G"), "1234\n5678\n5678\n");
  assert.equal(await run(["-u", "nobody"], "id -un"), "nobody\n");
  assert.equal(await run(["-u", "1234:5678", "--group-add", "99"], "id -G"), "5678 99\n");
  assert.equal(
    await run(["-u", "1234"], "grep CapEff /proc/self/status | cut -f2"),
    "0000000000000000\n",
  );
  assert.equal(await run(["--hostname", "box"], "hostname; cat /etc/hostname"), "box\nbox\n");
  assert.equal(await run(["-h", "box"], "grep -c box /etc/hosts"), "1\n");
  assert.notEqual((await run([], "hostname")).trim(), hostname());
  assert.match(await run([], "hostname"), /^[0-9a-f]{12}\n$/);
  const echo = await cli.ok(["run", "--rm", "--entrypoint", "/bin/echo", "host", "a", "b"]);
  assert.equal(echo, "a b\n");
});

inside("-v, --mount, --tmpfs", async (run, cli) => {
  const directory = join(cli.root, "shared");
  mkdirSync(directory);
  writeFileSync(join(directory, "file"), "from the host\n");
  assert.equal(
    await run(["-v", `${directory}:/mnt`], "cat /mnt/file; echo in > /mnt/new"),
    "from the host\n",
  );
  assert.equal(readFileSync(join(directory, "new"), "utf8"), "in\n");
  assert.equal(
    await run(["-v", `${directory}:/mnt:ro`], "touch /mnt/x 2>&- || echo refused"),
    "refused\n",
  );
  assert.equal(
    await run(["-v", `${directory}/file:/etc/one-file:ro`], "cat /etc/one-file"),
    "from the host\n",
  );
  const mount = (text: string) =>
    run(["--mount", text], "cat /m/file && touch /m/x 2>&- || echo ro");
  assert.equal(await mount(`type=bind,src=${directory},dst=/m,readonly`), "from the host\nro\n");
  assert.equal(await mount(`type=bind,source=${directory},target=/m`), "from the host\n");
  const tmpfs =
    "stat -f -c %T /scratch; df -k /scratch | tail -1 | tr -s ' ' | cut -d' ' -f2; stat -c %a /scratch";
  assert.equal(await run(["--tmpfs", "/scratch:size=1m,mode=700"], tmpfs), "tmpfs\n1024\n700\n");
  assert.equal(
    await run(["--mount", "type=tmpfs,dst=/scratch,tmpfs-size=1m,tmpfs-mode=0700"], tmpfs),
    "tmpfs\n1024\n700\n",
  );
  assert.equal(
    await run(["--shm-size", "2m"], "df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2"),
    "2048\n",
  );
});

inside("--read-only", async (run) => {
  assert.equal(
    await run(["--read-only"], "touch /x 2>&- || touch /etc/x 2>&- || echo refused"),
    "refused\n",
  );
  assert.equal(await run(["--read-only", "--tmpfs", "/tmp"], "touch /tmp/x && echo ok"), "ok\n");
  assert.equal(await run([], "touch /x /etc/x /usr/x && echo ok"), "ok\n");
  assert.equal(existsSync("/usr/x"), false, "the host's /usr is not touched");
});

inside("--cap-add, --cap-drop, --privileged, --security-opt", async (run) => {
  const caps = "grep CapEff /proc/self/status | cut -f2";
  assert.equal(await run(["--cap-drop", "ALL"], caps), "0000000000000000\n");
  assert.equal(
    await run(["--cap-drop", "all", "--cap-add", "NET_ADMIN"], caps),
    "0000000000001000\n",
  );
  assert.equal(await run(["--cap-add", "CAP_SYS_ADMIN"], caps), "00000000a82425fb\n");
  assert.equal(await run(["--cap-drop", "chown"], caps), "00000000a80425fa\n");
  const bounding = (text: string) => /^CapBnd:\s+(\w+)$/m.exec(text)![1]!;
  const mine = bounding(readFileSync("/proc/self/status", "utf8"));
  assert.equal((await run(["--privileged"], caps)).trim(), mine, "all that this machine may have");
  assert.equal(await run(["--privileged"], "grep Seccomp: /proc/self/status | cut -f2"), "0\n");
  assert.equal(
    await run(["--privileged"], "test -e /dev/kmsg -o -e /dev/vda -o -e /dev/sda && echo devices"),
    "devices\n",
  );
  assert.equal(
    await run(["--privileged"], "mkdir /m && mount -t tmpfs none /m && echo mounted"),
    "mounted\n",
  );
  const seccomp = "grep Seccomp: /proc/self/status | cut -f2";
  assert.equal(await run(["--security-opt", "seccomp=unconfined"], seccomp), "0\n");
  const nnp = "grep NoNewPrivs /proc/self/status | cut -f2";
  assert.equal(await run(["--security-opt", "no-new-privileges"], nnp), "1\n");
  assert.equal(await run([], nnp), "0\n");
});

inside("--security-opt seccomp=FILE", async (run, cli) => {
  const file = join(cli.root, "profile.json");
  writeFileSync(
    file,
    JSON.stringify({
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 }],
    }),
  );
  assert.match(
    await run(["--security-opt", `seccomp=${file}`], "mkdir /x 2>&1 || true"),
    /No space left on device/,
  );
});

inside("-m, --cpus, --pids-limit", async (run, cli) => {
  // cgroup v1 or v2, whichever holds the controller.
  const limit = (v1: string, v2: string) =>
    `cat /sys/fs/cgroup/${v1} /sys/fs/cgroup/${v2} 2>/dev/null | head -1`;
  assert.equal(
    await run(["-m", "64m"], limit("memory/memory.limit_in_bytes", "memory.max")),
    "67108864\n",
  );
  assert.match(
    await run(["--cpus", "0.5"], limit("cpu/cpu.cfs_quota_us", "cpu.max")),
    /^50000( 100000)?\n$/,
  );
  assert.equal(await run(["--pids-limit", "7"], limit("pids/pids.max", "pids.max")), "7\n");
  const { code } = await cli.run([
    ..."run --rm -m 32m host sh -c".split(" "),
    "head -c 200m /dev/zero | tail -c 150m > /dev/null",
  ]);
  assert.notEqual(code, 0, "the memory limit holds");
  const forks = await cli.run([
    ..."run --rm --pids-limit 5 host sh -c".split(" "),
    "for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait",
  ]);
  assert.match(forks.stderr, /[Cc]annot fork|Resource temporarily unavailable/);
}, "cgroup");

inside("the OOM killer's work is seen", async (_run, cli) => {
  // The init itself grows, so that it is the one to be killed.
  const grow = "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done";
  const ended = await cli.run(["run", "--name", "oom", "-m", "24m", "host", "sh", "-c", grow]);
  assert.equal(ended.code, 137);
  const [container] = JSON.parse(await cli.ok(["inspect", "oom"]));
  assert.equal(container.State.OOMKilled, true);
}, "cgroup");

inside("--ulimit, --sysctl", async (run) => {
  assert.equal(await run(["--ulimit", "nofile=100:200"], "ulimit -Sn; ulimit -Hn"), "100\n200\n");
  assert.equal(await run(["--ulimit", "core=0"], "ulimit -c"), "0\n");
  assert.equal(
    await run(["--sysctl", "kernel.shmmax=12345678"], "cat /proc/sys/kernel/shmmax"),
    "12345678\n",
  );
});

inside("--init reaps and forwards", async (run, cli) => {
  assert.match(
    await run(["--init"], "cat /proc/1/cmdline | tr '\\0' ' '; echo; echo $$"),
    /init[^]*\n(?!1\n)\d+\n$/,
  );
  assert.equal((await cli.run(["run", "--rm", "--init", "host", "sh", "-c", "exit 5"])).code, 5);
  assert.equal(
    (await cli.run(["run", "--rm", "--init", "host", "sh", "-c", "kill -9 $$"])).code,
    137,
  );
  const orphans = "sh -c 'sleep 0.1 & exit 0'; sleep 0.4; ls -d /proc/[0-9]* | wc -l";
  assert.equal(await run(["--init"], orphans), "4\n", "init, sh, ls and wc: no zombie");
});

inside("--network none and host", async (run) => {
  const link = "readlink /proc/self/ns/net";
  const mine = await output(["readlink", "/proc/self/ns/net"]);
  assert.notEqual(await run(["--network", "none"], link), mine);
  assert.equal(await run(["--network", "host"], link), mine);
  assert.equal(await run(["--network", "none"], "cat /proc/net/dev | grep -c :"), "1\n");
});

inside("-i reads input, -d does not wait, --name, --cidfile, --label", async (_run, cli) => {
  assert.equal(await cli.ok(["run", "--rm", "-i", "host", "wc", "-c"], { input: "12345" }), "5\n");
  assert.equal(await cli.ok(["run", "--rm", "host", "wc", "-c"], { input: "12345" }), "0\n");
  const big = "x".repeat(3_000_000);
  assert.equal(await cli.ok(["run", "--rm", "-i", "host", "cat"], { input: big }), big);
  const file = join(cli.root, "cid");
  const flags = ["--name", "web", "--cidfile", file, "-l", "tier=front"];
  const id = (await cli.ok(["run", "-d", ...flags, "host", "sleep", "60"])).trim();
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.equal(readFileSync(file, "utf8"), id);
  const [container] = JSON.parse(await cli.ok(["inspect", "web"]));
  assert.equal(container.Id, id);
  assert.equal(container.Config.Labels.tier, "front");
  assert.equal(container.State.Status, "running");
  const twice = await cli.run(["run", "-d", "--name", "web", "host", "sleep", "60"]);
  assert.equal(twice.code, 125);
  assert.match(twice.stderr, /^ctr: cannot [^\n]*web[^\n]*\n$/);
  await cli.ok(["rm", "-f", id.slice(0, 12)]);
});

inside("-t gives a terminal, with its size", async (_run, cli) => {
  // script(1) is the terminal that the command line itself has.
  const command = cli.argv(
    "run",
    "--rm",
    "-it",
    "host",
    "sh",
    "-c",
    `'tty; stty size; echo $TERM; stty -opost; printf "a\\nb"'`,
  );
  const shell = `stty rows 33 cols 77; ${command.join(" ")}`;
  // script(1) echoes the end of its own input.
  const text = (await output(["script", "-qec", shell, "/dev/null"])).replace(/\^[@D]/g, "");
  assert.match(text, /\/dev\/(pts\/0|console)\r+\n33 77\r+\nxterm\r+\n/);
  // What the container's terminal lets through comes out unchanged: the outer one is really raw.
  assert.match(text, /a\nb/);
  const none = await cli.run(["run", "--rm", "-it", "host", "true"]);
  assert.notEqual(none.code, 0);
  assert.match(none.stderr, /terminal|TTY/i);
}, "cmd:script");

inside("--stop-signal, --stop-timeout", async (_run, cli) => {
  const trap = "trap 'echo usr1; exit 3' USR1; while :; do sleep 0.05; done";
  await cli.ok([
    "run",
    "-d",
    "--name",
    "polite",
    "--stop-signal",
    "SIGUSR1",
    "host",
    "sh",
    "-c",
    trap,
  ]);
  await until(
    "the trap",
    async () => (await cli.ok(["exec", "polite", "grep", "SigCgt", "/proc/1/status"])) !== "",
  );
  await cli.ok(["stop", "polite"]);
  assert.equal(await cli.ok(["logs", "polite"]), "usr1\n");
  await cli.ok(["run", "-d", "--name", "deaf", "--stop-timeout", "1", "host", "sleep", "100"]);
  const start = performance.now();
  await cli.ok(["stop", "deaf"]);
  const ms = performance.now() - start;
  assert.ok(ms > 900 && ms < 9000, `${ms} ms`);
  assert.equal(await cli.ok(["wait", "deaf"]), "137\n");
});

inside("--rootfs", async (_run, cli) => {
  const root = join(cli.root, "rootfs");
  for (const name of ["bin", "dev", "proc", "sys", "etc"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  await output(["cp", "/bin/busybox", join(root, "bin/busybox")]);
  const args = ["run", "--rm", "--rootfs", root, "/bin/busybox", "sh", "-c"];
  assert.equal(
    await cli.ok([...args, "echo here > /made; busybox pwd 2>&- || /bin/busybox pwd"]),
    "/\n",
  );
  assert.equal(readFileSync(join(root, "made"), "utf8"), "here\n");
}, "file:/bin/busybox");

inside("--explain prints the program and runs nothing", async (_run, cli) => {
  const text = await cli.ok(["run", "--explain", "host", "touch", "/tmp/x"]);
  assert.match(text, /^clone3.*\nexecveat\(<sealed memfd>, .*\n/);
  for (const call of ["clone3(", "pivot_root(", "execve(", "mount(", "sethostname("]) {
    assert.ok(text.includes(call), `${call} is missing from:\n${text}`);
  }
  assert.equal(await cli.ok(["ps", "-aq"]), "");
  assert.deepEqual(cli.containerDirectories(), []);
});

inside("--trace writes a timeline that Perfetto reads", async (_run, cli) => {
  const file = join(cli.root, "trace.json");
  const phases = ["arguments", "image", "snapshot", "bundle", "compile", "clone", "exec", "run"];
  // One that ends at once, one that its shim takes over, and one that has a shim from the beginning.
  for (
    const [args, own] of [
      [["host", "true"], ["exit"]],
      [["host", "sleep", "0.2"], ["shim", "shim boot"]],
      [["-i", "host", "true"], ["spawn shim", "shim boot"]],
    ] as const
  ) {
    await cli.ok(["run", "--rm", "--trace", file, ...args]);
    const { traceEvents } = JSON.parse(readFileSync(file, "utf8"));
    const names = traceEvents.map(({ name }: { name: string }) => name);
    for (const phase of [...phases, ...own]) {
      assert.ok(names.includes(phase), `no "${phase}" among ${names.join(", ")}`);
    }
    for (const { ph, ts, dur } of traceEvents) {
      assert.ok(ph === "X" && ts > 1e15 && dur >= 0 && dur < 6e7);
    }
  }
});
