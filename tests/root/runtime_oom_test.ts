import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { close, kill, waitFor } from "../../src/program/mod.ts";
import { watchOomAt } from "../../src/runtime/mod.ts";
import { Bundle, finish, traces } from "../fixtures/bundle.ts";
import { until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

test("whoever watches hears that memory ran out, and of the end", here, async () => {
  await using bundle = new Bundle();
  // The shell survives: its memory is small.
  const fill = "dd if=/dev/zero of=/dev/null bs=100M count=1";
  const { process, stdout, stderr } = await bundle.create(
    ["/bin/sh", "-c", `${fill}; sleep 60`],
    { memoryBytes: 16 << 20 },
  );
  const watch = await watchOomAt(bundle.cgroup);
  process.start();
  let seen = 0;
  for await (const _ of watch.events) {
    if (++seen > 1) continue;
    kill(process.pid, 9);
    waitFor(process.pid, { block: true });
    await bundle.destroy();
  }
  assert.ok(seen > 0);
  close(stdout);
  close(stderr);
});

test("a watch ends with a cgroup in which nothing happens", here, async () => {
  await using bundle = new Bundle();
  const created = await bundle.create(["/bin/true"]);
  const watch = await watchOomAt(bundle.cgroup);
  const end = (async () => {
    for await (const _ of watch.events) assert.fail("there was memory enough");
  })();
  finish(created);
  await bundle.destroy();
  await end;
});

test("a watch can be closed, used or not, and leaves nothing", here, async () => {
  await using bundle = new Bundle();
  const { process, stdout, stderr } = await bundle.create(["/bin/true"]);
  const before = traces();
  (await watchOomAt(bundle.cgroup)).close();
  const watch = await watchOomAt(bundle.cgroup);
  const end = (async () => {
    for await (const _ of watch.events) assert.fail("there was memory enough");
  })();
  watch.close();
  await end;
  watch.close();
  // Bun closes a pipe that has ended when it comes to it.
  await until("the watch to leave nothing", () => isDeepStrictEqual(traces(), before));
  process.abandon();
  close(stdout);
  close(stderr);
  assert.equal(waitFor(process.pid), undefined);
  await assert.rejects(watchOomAt(`${bundle.cgroup}-none`), { code: "not_found" });
});
