import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerSummary } from "../src/task/mod.ts";
import { containerFilter, showsStopped } from "./container_filters.ts";
import { containerRow, statusText } from "./container_row.ts";

const NOW = Date.UTC(2026, 10, 21, 12);

/** A container as the engine lists it. */
function container(
  name: string,
  part: {
    status?: ContainerSummary["status"];
    exitCode?: number;
    ageMs?: number;
    labels?: Record<string, string>;
    cmd?: string[];
  } = {},
): ContainerSummary {
  const status = part.status ?? "running";
  const createdAt = NOW - (part.ageMs ?? 60_000);
  return {
    status,
    record: {
      id: name.charCodeAt(0).toString(16).repeat(32),
      name,
      image: "alpine",
      imageId: "sha256:0123456789abcdef",
      platform: "linux/amd64",
      snapshotter: "overlayfs",
      snapshotKey: name,
      rootfs: "",
      createdAt,
      config: {
        labels: part.labels ?? {},
        entrypoint: [],
        cmd: part.cmd ?? ["sleep", "infinity"],
      },
      hostConfig: {
        networkMode: "none",
        binds: [{ type: "bind", source: "/a/rather/long/path", destination: "/b" }],
      },
    },
    ports: "",
    state: {
      status: status === "exited" ? "stopped" : status,
      exitCode: part.exitCode ?? 0,
      startedAt: createdAt,
      finishedAt: NOW - 3000,
    },
  } as unknown as ContainerSummary;
}

const WEB = container("web", { labels: { tier: "front", empty: "" } });
const DB = container("db", { ageMs: 7_200_000, labels: { tier: "back" } });
const JOB = container("job", { status: "exited", exitCode: 3, ageMs: 10_000 });
const ALL = [JOB, WEB, DB];

const filtered = (...filters: string[]) =>
  ALL.filter(containerFilter(filters, ALL)).map(({ record }) => record.name);

test("containerRow() has Docker's fields", () => {
  const row = containerRow(container("web", { cmd: ["sh", "-c", "echo 'a long command'"] }), {
    whole: false,
    now: NOW,
  });
  assert.equal(row["ID"], "777777777777");
  assert.equal(row["Command"], '"sh -c echo \'a long …"');
  assert.equal(row["RunningFor"], "About a minute ago");
  assert.equal(row["Status"], "Up About a minute");
  assert.equal(row["State"], "running");
  assert.equal(row["Mounts"], "/a/rather/long…");
  assert.equal(row["Ports"], "");
});

test("containerRow() shows everything with --no-trunc", () => {
  const cmd = ["sh", "-c", "x".repeat(50), "\x1b[2J"];
  const row = containerRow(container("web", { cmd }), { whole: true, now: NOW });
  assert.equal(String(row["ID"]).length, 64);
  assert.equal(row["Command"], `"sh -c ${"x".repeat(50)} \\u001b[2J"`);
});

test("containerRow() finds labels for templates", () => {
  const { Label: label } = containerRow(WEB, { whole: false, now: NOW });
  assert.ok(typeof label === "function");
  assert.deepEqual([label("tier"), label("nope")], ["front", ""]);
});

test("statusText() has Docker's words", () => {
  assert.equal(statusText(JOB, NOW), "Exited (3) 3 seconds ago");
  assert.equal(statusText(container("x", { status: "created" }), NOW), "Created");
  assert.equal(statusText(container("x", { status: "paused" }), NOW), "Up About a minute (Paused)");
});

test("containerFilter() knows each key", () => {
  const cases: [string, string[]][] = [
    ["name=^w", ["web"]],
    ["name=b$", ["job", "web", "db"]],
    ["name=/db", ["db"]],
    ["id=7777", ["web"]],
    ["status=exited", ["job"]],
    ["exited=3", ["job"]],
    ["exited=0", []],
    ["label=tier", ["web", "db"]],
    ["label=tier=back", ["db"]],
    ["label=empty=", ["web"]],
    ["ancestor=alpine", ["job", "web", "db"]],
    ["ancestor=alpine:latest", ["job", "web", "db"]],
    ["ancestor=0123456", ["job", "web", "db"]],
    ["ancestor=debian", []],
    ["network=none", ["job", "web", "db"]],
    ["network=host", []],
    ["volume=/b", ["job", "web", "db"]],
    ["before=web", ["db"]],
    ["since=db", ["job", "web"]],
  ];
  for (const [filter, names] of cases) assert.deepEqual(filtered(filter), names, filter);
});

test("containerFilter() joins values of a key with or, labels and keys with and", () => {
  assert.deepEqual(filtered("name=web", "name=db"), ["web", "db"]);
  assert.deepEqual(filtered("label=tier", "label=empty"), ["web"]);
  assert.deepEqual(filtered("name=b", "label=tier=back"), ["db"]);
});

test("containerFilter() refuses what it does not know", () => {
  assert.throws(() => filtered("bogus=1"), /keys are ancestor, before/);
  assert.throws(() => filtered("web"), /KEY=VALUE/);
  assert.throws(() => filtered("name=("), /regular expression/);
  assert.throws(() => filtered("status=sleeping"), /one of created, running/);
  assert.throws(() => filtered("before=nope"), /no such container/);
});

test("showsStopped() when a filter is about them", () => {
  assert.equal(showsStopped(["status=exited"]), true);
  assert.equal(showsStopped(["exited=0"]), true);
  assert.equal(showsStopped(["name=status"]), false);
});
