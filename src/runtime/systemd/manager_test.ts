import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSystemd } from "../../../tests/fixtures/fake_systemd.ts";
import { Systemd } from "./manager.ts";
import { text, uint64 } from "./properties.ts";

async function asking(
  work: (systemd: Systemd, fake: FakeSystemd) => Promise<void>,
): Promise<void> {
  using fake = new FakeSystemd();
  const systemd = await Systemd.connect({ user: false, socket: fake.socket });
  try {
    fake.calls.length = 0;
    await work(systemd, fake);
  } finally {
    systemd.close();
  }
}

test("startTransient() makes a unit and waits for its job", () =>
  asking(async (systemd, fake) => {
    const properties = [text("Slice", "a.slice"), uint64("MemoryMax", -1)];
    for (const hurried of [false, true]) {
      fake.hurried = hurried;
      await systemd.startTransient(`x-${hurried}.scope`, properties);
      assert.deepEqual(
        [...fake.units.get(`x-${hurried}.scope`)!],
        [["Slice", "a.slice"], ["MemoryMax", 2n ** 64n - 1n]],
      );
    }
  }));

test("startTransient() clears away a unit that has failed, but not one that runs", () =>
  asking(async (systemd, fake) => {
    fake.failed.add("x.scope");
    await systemd.startTransient("x.scope", []);
    assert.deepEqual(fake.calls, [
      "StartTransientUnit x.scope",
      "ResetFailedUnit x.scope",
      "StartTransientUnit x.scope",
    ]);
    await assert.rejects(systemd.startTransient("x.scope", []), { code: "already_exists" });
  }));

test("startTransient() says how the job ended", () =>
  asking(async (systemd, fake) => {
    fake.result = "failed";
    await assert.rejects(
      systemd.startTransient("x.scope", []),
      /cannot start unit "x.scope".*failed/,
    );
    assert.equal(fake.calls.at(-1), "ResetFailedUnit x.scope");
  }));

test("stop() ends a unit, and is content when there is none", () =>
  asking(async (systemd, fake) => {
    fake.units.set("x.scope", new Map());
    await systemd.stop("x.scope");
    assert.equal(fake.units.size, 0);
    await systemd.stop("x.scope");
  }));

test("setProperties() changes a unit, and facts() tells of systemd", () =>
  asking(async (systemd, fake) => {
    fake.units.set("x.scope", new Map());
    await systemd.setProperties("x.scope", [uint64("TasksMax", 5)]);
    assert.deepEqual([...fake.units.get("x.scope")!], [["TasksMax", 5n]]);
    await assert.rejects(systemd.setProperties("y.scope", []), { code: "not_found" });
    assert.deepEqual(await systemd.facts(), { version: 252, cgroup: "" });
  }));

test("calls that systemd refuses fail with its reason", () =>
  asking(async (systemd, fake) => {
    fake.override = () => "org.freedesktop.DBus.Error.AccessDenied";
    await assert.rejects(systemd.setProperties("x.scope", []), {
      code: "permission_denied",
      message: 'cannot call "SetUnitProperties": no (org.freedesktop.DBus.Error.AccessDenied)',
    });
  }));

test("calls and jobs fail when the connection ends", () =>
  asking(async (systemd, fake) => {
    fake.override = ({ member }) => {
      if (member === "SetUnitProperties") { for (const one of fake.connections) one.close(); }
      return member === "StartTransientUnit"
        ? { signature: "o", body: ["/org/freedesktop/systemd1/job/77"] }
        : "silence";
    };
    const job = assert.rejects(systemd.startTransient("x.scope", []), { code: "unavailable" });
    await assert.rejects(systemd.setProperties("x.scope", []), { code: "unavailable" });
    await job;
    await assert.rejects(systemd.facts(), { code: "unavailable" });
  }));

test("a service that sends nonsense is not listened to any longer", () =>
  asking(async (systemd, fake) => {
    fake.override = () => {
      for (const one of fake.connections) one.write(new Uint8Array(64).fill(0x78));
      return "silence";
    };
    await assert.rejects(systemd.facts(), /byte order/);
  }));

test("connect() says when nobody is there, or does not let us in", async () => {
  await assert.rejects(Systemd.connect({ user: true, socket: "/nonexistent/bus" }), {
    code: "unavailable",
    operation: "use systemd cgroups",
  });
  using fake = new FakeSystemd();
  fake.refuses = true;
  await assert.rejects(
    Systemd.connect({ user: true, socket: fake.socket }),
    /does not accept who we are: "REJECTED KERBEROS_V4"/,
  );
});

test("nothing is sent before the service has let us in", async () => {
  using fake = new FakeSystemd();
  const systemd = await Systemd.connect({ user: false, socket: fake.socket });
  systemd.close();
  assert.equal(fake.early, 0);
});
