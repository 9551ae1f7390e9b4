import assert from "node:assert/strict";
import { test } from "node:test";
import { type OciSpec, parseSpec } from "../oci/mod.ts";
import { validateSpec } from "./validate.ts";

const SPEC: OciSpec = {
  ociVersion: "1.2.0",
  root: { path: "rootfs" },
  process: { args: ["sh"], cwd: "/", user: { uid: 0, gid: 0 } },
  linux: { namespaces: [{ type: "mount" }, { type: "pid" }] },
};

/** The reason for which a spec with other things in it is refused. */
function reason(change: object): string {
  try {
    validateSpec({ ...SPEC, ...change } as OciSpec);
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    assert.equal(code, "invalid_argument");
    return message.replace(/^cannot use /, "");
  }
  assert.fail(`${JSON.stringify(change)} is accepted`);
}
const process = (more: object) => ({ process: { ...SPEC.process, ...more } });
const linux = (more: object) => ({ linux: { ...SPEC.linux, ...more } });
const spaces = (types: readonly string[], more: object = {}) =>
  linux({ namespaces: types.map((type) => ({ type })), ...more });

test("validateSpec() takes what makes sense, and warns of what is ignored", () => {
  assert.deepEqual(validateSpec(SPEC), []);
  const map = [{ containerID: 0, hostID: 1000, size: 1 }];
  const good: readonly object[] = [
    { ociVersion: "1.0.2-dev" },
    spaces(["uts"], {}),
    { hostname: "", ...spaces([]) },
    { hostname: "x", domainname: "y", ...spaces(["uts"]) },
    spaces(["user"], { uidMappings: map, gidMappings: map }),
    linux({ namespaces: [{ type: "user", path: "/proc/1/ns/user" }] }),
    spaces(["time"], { timeOffsets: { monotonic: { secs: 1 } } }),
    process({ scheduler: { policy: "SCHED_FIFO", priority: 1, nice: 50 } }),
    process({ user: { uid: 4294967294, gid: 0, additionalGids: [1, 2] } }),
    linux({ intelRdt: { closID: "a..b", memBwSchema: "MB:0=10" } }),
    linux({ resources: { devices: [{ allow: false, access: "rwm" }] } }),
  ];
  for (const change of good) {
    assert.deepEqual(validateSpec({ ...SPEC, ...change } as OciSpec), [], JSON.stringify(change));
  }
  const ignored = {
    ...SPEC,
    ...process({ capabilities: { bounding: ["CAP_X", "CAP_CHOWN"], ambient: ["CAP_X"] } }),
    ...linux({ personality: { domain: "LINUX", flags: ["F"] } }),
    mounts: [{ destination: "data", type: "tmpfs" }],
  } as OciSpec;
  assert.deepEqual(validateSpec(ignored), [
    "ignoring unknown or unavailable capabilities: CAP_X",
    'mount destination "data" is not absolute: taken from "/"',
    "ignoring unsupported personality flags: F",
  ]);
});

test("validateSpec() refuses a spec without what it must have", () => {
  assert.equal(reason({ ociVersion: "2.0.0" }), '"ociVersion": "2.0.0" is no version 1.x.y');
  assert.equal(reason({ ociVersion: undefined }), '"ociVersion": undefined is no version 1.x.y');
  assert.equal(reason({ root: undefined }), '"root": root must be specified');
  assert.equal(reason({ root: { path: "" } }), '"root.path": it must not be empty');
  assert.equal(reason({ process: undefined }), '"process": process property must not be empty');
  assert.equal(reason(process({ args: [] })), '"process.args": args must not be empty');
  assert.equal(reason(process({ args: [1] })), '"process.args": args must not be empty');
  assert.equal(reason(process({ env: "A=b" })), '"process.env": it is no list of strings');
  assert.match(reason(process({ env: ["A=", "B"] })), /invalid environment variable: "B"$/);
  assert.match(reason(process({ env: ["=b"] })), /invalid environment variable: "=b"$/);
  assert.equal(reason(process({ cwd: "" })), '"process.cwd": Cwd property must not be empty');
  assert.equal(reason(process({ cwd: "x" })), '"process.cwd": Cwd must be an absolute path');
  assert.match(reason(process({ user: undefined })), /^"process.user.uid": undefined is no id/);
  assert.match(reason(process({ user: { uid: -1, gid: 0 } })), /^"process.user.uid": -1 is no id/);
  assert.match(
    reason(process({ user: { uid: 0, gid: 0, additionalGids: [1, 4294967295] } })),
    /^"process.user.additionalGids": 4294967295 is no id/,
  );
});

test("validateSpec() refuses what needs a namespace that is not there", () => {
  assert.equal(
    reason({ hostname: "x" }),
    '"hostname": unable to set hostname without a private UTS namespace',
  );
  assert.match(reason({ domainname: "x" }), /^"domainname": unable to set domainname/);
  assert.equal(
    reason(spaces([], { maskedPaths: ["/proc/kcore"] })),
    '"linux.maskedPaths": unable to restrict sys entries without a private MNT namespace',
  );
  assert.match(reason(spaces([], { readonlyPaths: ["/x"] })), /^"linux.readonlyPaths": unable/);
  const map = [{ containerID: 0, hostID: 0, size: 1 }];
  assert.equal(
    reason(linux({ gidMappings: map })),
    `"linux.gidMappings": user namespace mappings specified, but user namespace isn't enabled in the config`,
  );
  assert.match(reason(linux({ timeOffsets: { boottime: {} } })), /time namespace isn't enabled/);
});

test("validateSpec() refuses namespaces that contradict themselves", () => {
  assert.equal(
    reason(spaces(["pid", "pid"])),
    '"linux.namespaces": malformed spec file: duplicated ns "pid"',
  );
  assert.equal(reason(spaces(["x"])), '"linux.namespaces": namespace "x" does not exist');
  const map = [{ containerID: 0, hostID: 0, size: 1 }];
  const user = (more: object) => reason(spaces(["user"], more));
  assert.match(user({ gidMappings: map }), /enabled, but no uid mappings found$/);
  assert.match(user({ uidMappings: map }), /enabled, but no gid mappings found$/);
  const gidMappings = [{ containerID: 1, hostID: 0, size: 1 }];
  assert.match(user({ uidMappings: map, gidMappings }), /no gid mapping found for id 0$/);
  const empty = [{ containerID: 0, hostID: 0, size: 0 }];
  assert.match(user({ uidMappings: empty, gidMappings: map }), /no size is 0$/);
  assert.match(
    reason(linux({
      namespaces: [{ type: "time", path: "/x" }],
      timeOffsets: { monotonic: { secs: 1 } },
    })),
    /both namespace path and time offsets specified/,
  );
});

test("validateSpec() refuses mounts and devices that cannot be", () => {
  const mount = (more: object) => reason({ mounts: [{ destination: "/x", ...more }] });
  assert.equal(mount({ destination: "" }), '"mounts[0]": mount destination must not be empty');
  assert.equal(mount({ source: "a\0b" }), '"mounts[0]": mount field contains null byte');
  const map = [{ containerID: 0, hostID: 0, size: 1 }];
  assert.match(
    mount({ type: "tmpfs", uidMappings: map, gidMappings: map }),
    /only .* bind-mounts$/,
  );
  assert.match(mount({ type: "bind", uidMappings: map }), /both uid and gid mappings specified$/);
  assert.match(reason(linux({ devices: [{ type: "x", path: "/dev/x" }] })), /device type "x"$/);
  assert.match(
    reason(linux({ devices: [{ type: "c" }] })),
    /^"linux.devices\[0\]": it has no path$/,
  );
  const rule = (rule: object) => reason(linux({ resources: { devices: [rule] } }));
  assert.match(rule({ allow: true }), /device access at 0 field cannot be empty$/);
  assert.match(rule({ allow: true, access: "r", type: "z" }), /cgroup device type "z"$/);
});

test("validateSpec() refuses what the kernel or its agents would misunderstand", () => {
  const scheduler = (scheduler: object) => reason(process({ scheduler }));
  assert.match(scheduler({}), /scheduler policy is required$/);
  assert.match(scheduler({ policy: "SCHED_BATCH", nice: 20 }), /invalid scheduler.nice: 20 when/);
  assert.match(
    scheduler({ policy: "SCHED_OTHER", priority: 1 }),
    /only be specified for SchedFIFO/,
  );
  assert.match(scheduler({ policy: "SCHED_FIFO", runtime: 1 }), /only be specified for SchedDeadl/);
  assert.match(
    reason(process({ ioPriority: { class: "IOPRIO_CLASS_BE", priority: 8 } })),
    /invalid ioPriority.Priority: 8$/,
  );
  const rdt = (intelRdt: object) => reason(linux({ intelRdt }));
  for (const closID of [".", "..", "a/b"]) {
    assert.match(rdt({ closID }), /^"linux.intelRdt.closID": invalid intelRdt.ClosID/);
  }
  assert.match(rdt({ memBwSchema: "L3:0=f" }), /must start with MB: and be one line$/);
  assert.match(
    reason(linux({ seccomp: { defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "x" } })),
    /must not be set if listenerPath is not$/,
  );
});

test("validateSpec() answers or throws one of our errors, whatever a config.json holds", () => {
  let seed = 4711;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const odd: readonly unknown[] = [null, 0, -1, 1.5, 2 ** 64, "", "x", "/", true, [], {}, [null], [
    {},
  ]];
  const map = [{ containerID: 0, hostID: 0, size: 1 }];
  const bind = { destination: "/x", type: "bind", source: "/", options: ["bind"] };
  const whole = {
    ...SPEC,
    mounts: [{ ...bind, uidMappings: map, gidMappings: map }],
    hooks: { poststop: [{ path: "/x" }] },
    linux: {
      namespaces: [{ type: "mount" }, { type: "user" }, { type: "time" }],
      uidMappings: map,
      gidMappings: map,
      timeOffsets: { monotonic: { secs: 1 } },
      devices: [{ type: "c", path: "/dev/x" }],
      resources: { devices: [{ allow: true, access: "r" }] },
      intelRdt: { closID: "x" },
      personality: { domain: "LINUX", flags: ["x"] },
      seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["x"], action: "x" }] },
    },
  };
  const mutate = (value: unknown): unknown => {
    if (random(6) === 0) return odd[random(odd.length)];
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value);
    if (entries.length === 0) return value;
    const [key, member] = entries[random(entries.length)]!;
    const changed = { [key]: mutate(member) };
    return Array.isArray(value) ? Object.assign([...value], changed) : { ...value, ...changed };
  };
  let accepted = 0;
  for (let round = 0; round < 3000; round++) {
    const text = JSON.stringify(mutate(mutate(whole)));
    try {
      validateSpec(parseSpec(text));
      accepted++;
    } catch (error) {
      const ours = error instanceof SyntaxError || (error as { code?: string }).code !== undefined;
      assert.ok(ours, `${text}: ${error}`);
    }
  }
  assert.ok(accepted > 0 && accepted < 3000, String(accepted));
});
