import assert from "node:assert/strict";
import { test } from "node:test";
import type { OciResources } from "../../oci/mod.ts";
import { weightOfShares } from "../cgroup_v2.ts";
import { annotatedProperties } from "./annotations.ts";
import { deviceProperties } from "./device_properties.ts";
import { bitsOf, type Dialect, resourceProperties } from "./properties.ts";
import { sliceDirectory, unitName } from "./unit_name.ts";

const MOST = 2n ** 64n - 1n;

const plain = (resources: OciResources, dialect: Dialect) =>
  Object.fromEntries(
    resourceProperties(resources, dialect).map(([name, { value }]) => [name, value]),
  );

test("unitName() follows runc's rules", () => {
  const name = (path: string, user = false) => unitName(path, { id: "c1", user });
  assert.deepEqual(name("system.slice:docker:12ab"), {
    unit: "docker-12ab.scope",
    slice: "system.slice",
    path: "/system.slice/docker-12ab.scope",
  });
  assert.deepEqual(name(""), {
    unit: "runc-c1.scope",
    slice: "system.slice",
    path: "/system.slice/runc-c1.scope",
  });
  assert.equal(name("", true).path, "/user.slice/runc-c1.scope");
  assert.equal(name(":libpod:x", true).slice, "user.slice");
  assert.equal(
    name("kubepods-burstable-pod1.slice:cri:x").path,
    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-x.scope",
  );
  assert.deepEqual(name("a.slice:ignored:a-b.slice"), {
    unit: "a-b.slice",
    slice: "a.slice",
    path: "/a.slice/a-b.slice",
  });
  assert.equal(name("-.slice:p:x").path, "/p-x.scope");
  for (
    const bad of ["a/b", "/ctr/x", "a.slice:b", "a.slice:b:c:d", "a.slice:b:", "a.slice:b:../c"]
  ) {
    assert.throws(() => name(bad), { code: "invalid_argument" }, bad);
  }
});

test("sliceDirectory() refuses what is no slice", () => {
  assert.equal(sliceDirectory("-.slice"), "");
  for (
    const bad of ["a", ".slice", "-a.slice", "a--b.slice", "a-.slice", "../x.slice", "a/b.slice"]
  ) {
    assert.throws(() => sliceDirectory(bad), { code: "invalid_argument" }, bad);
  }
});

test("resourceProperties() speaks the dialect of the hierarchy", () => {
  const resources: OciResources = {
    memory: { limit: 1000, swap: 3000, reservation: 500 },
    cpu: { shares: 1024, quota: 50_000, period: 100_000, cpus: "0,8", mems: "0" },
    pids: { limit: 10 },
    blockIO: { weight: 10 },
  };
  const common = {
    CPUQuotaPeriodUSec: 100_000n,
    CPUQuotaPerSecUSec: 500_000n,
    TasksMax: 10n,
    AllowedCPUs: new Uint8Array([1, 1]),
    AllowedMemoryNodes: new Uint8Array([1]),
  };
  assert.deepEqual(plain(resources, { version: 2, systemd: 252 }), {
    MemoryMax: 1000n,
    MemoryLow: 500n,
    MemorySwapMax: 2000n,
    CPUWeight: BigInt(weightOfShares(1024)),
    IOWeight: 1n,
    ...common,
  });
  assert.deepEqual(plain(resources, { version: 1, systemd: 252 }), {
    MemoryLimit: 1000n,
    CPUShares: 1024n,
    BlockIOWeight: 10n,
    ...common,
  });
  assert.deepEqual(plain(resources, { version: 1, systemd: 241 }), {
    MemoryLimit: 1000n,
    CPUShares: 1024n,
    BlockIOWeight: 10n,
    CPUQuotaPerSecUSec: 500_000n,
    TasksMax: 10n,
  });
});

test("resourceProperties() rounds a quota up to whole percents, and knows no limit", () => {
  const cpu = (quota?: number, period?: number) =>
    plain({ cpu: { quota, period } as OciResources["cpu"] }, { version: 2, systemd: 252 });
  assert.equal(cpu(33_333)["CPUQuotaPerSecUSec"], 340_000n);
  assert.deepEqual(cpu(-1), { CPUQuotaPerSecUSec: MOST });
  assert.deepEqual(cpu(0, 50_000), { CPUQuotaPeriodUSec: 50_000n, CPUQuotaPerSecUSec: MOST });
  assert.deepEqual(cpu(), {});
  const none = { memory: { limit: -1, swap: -1 }, pids: { limit: -1 } };
  assert.deepEqual(plain(none, { version: 2, systemd: 252 }), {
    MemoryMax: MOST,
    MemorySwapMax: MOST,
    TasksMax: MOST,
  });
});

test("resourceProperties() counts swap alone", () => {
  const swap = (memory: OciResources["memory"] & object) =>
    plain({ memory }, { version: 2, systemd: 252 })["MemorySwapMax"];
  assert.equal(swap({ limit: 1000, swap: 1000 }), 0n);
  assert.equal(swap({ limit: -1 }), MOST);
  assert.equal(swap({ limit: -1, swap: 500 }), 500n);
  assert.equal(swap({ swap: 500 }), undefined);
});

test("resourceProperties() takes what it knows of unified", () => {
  const unified = {
    "memory.high": "1000",
    "memory.max": "max",
    "pids.max": " 5\n",
    "cpu.max": "20000 40000",
    "cpu.weight": "77",
    "cpuset.cpus": "1",
    "io.max": "8:0 rbps=1",
  };
  assert.deepEqual(plain({ memory: { limit: 5 }, unified }, { version: 2, systemd: 252 }), {
    MemoryMax: MOST,
    MemoryHigh: 1000n,
    TasksMax: 5n,
    CPUQuotaPeriodUSec: 40_000n,
    CPUQuotaPerSecUSec: 500_000n,
    CPUWeight: 77n,
    AllowedCPUs: new Uint8Array([2]),
  });
  const idle = { "cpu.weight": "5", "cpu.idle": "1" };
  assert.deepEqual(plain({ unified: idle }, { version: 2, systemd: 252 }), { CPUWeight: 0n });
  assert.deepEqual(plain({ cpu: { idle: 1 } }, { version: 2, systemd: 251 }), {});
  assert.throws(() => plain({ unified }, { version: 1, systemd: 252 }), {
    code: "failed_precondition",
  });
  const wrong = [["memory.max", "1G"], ["cpu.max", "a b"], ["cpuset.cpus", "3-1"]] as const;
  for (const [file, value] of wrong) {
    assert.throws(() => plain({ unified: { [file]: value } }, { version: 2, systemd: 252 }), {
      code: "invalid_argument",
    });
  }
});

test("bitsOf() has the lowest bit first", () => {
  assert.deepEqual([...bitsOf("0-3, 9")], [0b1111, 0b10]);
  assert.deepEqual([...bitsOf("16")], [0, 0, 1]);
  for (const bad of ["", ",", "a", "1-", "3-1", "99999999"]) {
    assert.throws(() => bitsOf(bad), { code: "invalid_argument" }, bad);
  }
});

test("deviceProperties() says what the rules leave allowed", () => {
  const of = (...rules: Parameters<typeof deviceProperties>[0] & object) =>
    deviceProperties(rules).map(([, { value }]) => value);
  assert.deepEqual(
    of(
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 1, minor: 3, access: "r" },
      { allow: true, type: "c", major: 1, minor: 3, access: "rw" },
      { allow: true, type: "c", major: 136, access: "rwm" },
      { allow: true, type: "b", access: "m" },
      { allow: true, type: "c", major: 1, minor: 9, access: "rw" },
      { allow: false, type: "c", major: 1, access: "w" },
    ),
    ["strict", [["/dev/char/1:3", "r"], ["char-136", "rwm"], ["block-*", "m"], [
      "/dev/char/1:9",
      "r",
    ]]],
  );
  assert.deepEqual(of({ allow: false }, { allow: true, type: "a" }), ["auto", []]);
  assert.deepEqual(deviceProperties([]), []);
  assert.deepEqual(deviceProperties(undefined), []);
});

test("annotatedProperties() reads values as gdbus does", () => {
  const of = (value: string, name = "Foo") =>
    annotatedProperties({ [`org.systemd.property.${name}`]: value, other: "x" })[0]!;
  assert.deepEqual(of("'a b'"), ["Foo", { signature: "s", value: "a b" }]);
  assert.deepEqual(of(`"it\\"s"`), ["Foo", { signature: "s", value: 'it"s' }]);
  assert.deepEqual(of("true"), ["Foo", { signature: "b", value: true }]);
  assert.deepEqual(of("-5"), ["Foo", { signature: "i", value: -5 }]);
  assert.deepEqual(of("1.5"), ["Foo", { signature: "d", value: 1.5 }]);
  assert.deepEqual(of("uint64 18446744073709551615"), ["Foo", { signature: "t", value: MOST }]);
  assert.deepEqual(of("@as []"), ["Foo", { signature: "as", value: [] }]);
  assert.deepEqual(of("['a', 'b']"), ["Foo", { signature: "as", value: ["a", "b"] }]);
  assert.deepEqual(of("[byte 0x10, 2]"), ["Foo", { signature: "ay", value: [16, 2] }]);
  assert.deepEqual(of("5", "TimeoutStopSec"), ["TimeoutStopUSec", {
    signature: "t",
    value: 5_000_000n,
  }]);
  assert.deepEqual(of("0.5", "TimeoutStopSec")[1].value, 500_000n);
  for (
    const bad of ["", "'a", "[1,'a']", "uint32 -1", "byte 256", "1 2", "[1", "x", "[]", "(1,)"]
  ) {
    assert.throws(() => of(bad), { code: "invalid_argument" }, bad);
  }
  assert.throws(() => of("'x'", "TimeoutStopSec"), /has to be a number/);
  for (const bad of ["a", "", "a b c", "A1234"]) {
    assert.throws(() => of("1", bad), { code: "invalid_argument" }, bad);
  }
});
