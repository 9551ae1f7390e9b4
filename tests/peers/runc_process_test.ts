/**
 * What a process sees of itself in a container of runc and in one of ctr-oci of the same bundle. A
 * difference is a mistake of ours, or has its reason here.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciProcess, OciSpec } from "../../src/oci/mod.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { environment } from "../fixtures/cli.ts";
import { needs, which } from "../fixtures/needs.ts";
import { ROOT } from "../fixtures/source_scan.ts";

const here = needs("root", "cgroup", "file:/bin/busybox", "cmd:runc");

const SCRIPT = [
  "grep -E '^(Umask|Uid|Gid|Groups|Sig(Blk|Ign|Cgt)|Cap|NoNew|Seccomp)' /proc/self/status",
  "cat /proc/self/limits /proc/self/oom_score_adj /proc/self/uid_map /proc/self/setgroups",
  "id; umask; pwd; env | sort; tty; hostname; cat /proc/sys/net/ipv4/ip_forward",
  "busybox cut -d ' ' -f 18,19,40,41 /proc/$$/stat; ls /proc/self/fd",
  "mkdir /tmp/x 2>&1; rm -r /tmp/x 2>&1; cat /proc/self/sessionid; cat /proc/self/loginuid; echo",
  "ls -l /dev | busybox awk '{ print $1, $3, $4, $5, $6 }'; for f in fd stdout ptmx; do readlink /dev/$f; done",
].join("; ");

const withProcess = (more: object) => (spec: OciSpec): OciSpec => ({
  ...spec,
  process: { ...spec.process!, ...more as Partial<OciProcess> },
});
const withLinux = (more: object) => (spec: OciSpec): OciSpec => ({
  ...spec,
  linux: { ...spec.linux, ...more },
});
const [CHOWN, KILL, BIND] = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
const everyone = [{ containerID: 0, hostID: 0, size: 65536 }];

const VARIATIONS: Readonly<Record<string, (spec: OciSpec) => OciSpec>> = {
  "as Docker would": (spec) => spec,
  "a user with groups": withProcess({
    user: { uid: 5, gid: 6, umask: 0o77, additionalGids: [7, 8] },
    oomScoreAdj: 77,
    cwd: "/made/for/it",
  }),
  "ambient capabilities": withProcess({
    user: { uid: 5, gid: 5 },
    capabilities: {
      bounding: [CHOWN, KILL, BIND, "CAP_NO_SUCH"],
      permitted: [CHOWN, BIND],
      effective: [CHOWN],
      inheritable: [CHOWN],
      ambient: [CHOWN],
    },
  }),
  "no capabilities at all": withProcess({ capabilities: undefined }),
  "limits and no new privileges": withProcess({
    noNewPrivileges: true,
    rlimits: [
      { type: "RLIMIT_NOFILE", soft: 50, hard: 60 },
      { type: "RLIMIT_CORE", soft: 0, hard: 4096 },
      { type: "RLIMIT_NPROC", soft: 500, hard: 1000 },
    ],
  }),
  "a user namespace": withLinux({
    namespaces: ["user", "pid", "mount", "ipc", "uts", "network", "cgroup"]
      .map((type) => ({ type })),
    uidMappings: everyone,
    gidMappings: everyone,
  }),
  "a filter and kernel parameters": withLinux({
    sysctl: { "net/ipv4/ip_forward": "1" },
    seccomp: {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir", "nothing"], action: "SCMP_ACT_ERRNO", errnoRet: 28 }],
    },
  }),
  "an environment with doubles": withProcess({ env: ["A=1", "PATH=/no", "A=2", "PATH=/bin"] }),
};

/** The output of a command line of either runtime, each with a root directory of its own. */
function outputs(bundle: Bundle, ...args: readonly string[]): readonly (readonly string[])[] {
  return [which("runc")!, join(ROOT, "cli/ctr-oci")].map((runtime, index) => {
    const root = ["--root", join(bundle.dir, `state-${index}`)];
    const { stdout, stderr, status } = spawnSync(runtime, [...root, ...args], {
      encoding: "utf8",
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    assert.equal(status, 0, stderr);
    return stdout.split("\n");
  });
}

for (const [name, change] of Object.entries(VARIATIONS)) {
  test(`a process in a container of runc and of ctr-oci is the same: ${name}`, here, async () => {
    await using bundle = new Bundle();
    const spec = bundle.spec(["sh", "-c", SCRIPT], { change });
    writeFileSync(join(bundle.dir, "config.json"), JSON.stringify(spec));
    const [runc, ours] = outputs(bundle, "run", "-b", bundle.dir, bundle.id);
    assert.deepEqual(ours, runc);
  });
}
