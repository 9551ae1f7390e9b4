import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutCgroups } from "./cgroup_none.ts";

const HOST = "         0          0 4294967295\n";
const USER = "         0       1000          1\n";

test("withoutCgroups() lets a user's container without limits be where its creator is", () => {
  const denied = Object.assign(new Error("denied"), { errnoName: "EACCES" });
  const root = { uid: 0, uidMap: HOST };
  const user = { uid: 1000, uidMap: HOST };
  const inside = { uid: 0, uidMap: USER };
  const devices = [{ allow: false, access: "rwm" }];
  for (const who of [user, inside]) {
    assert.deepEqual(withoutCgroups(denied, { devices }, who).entered, []);
    assert.throws(() => withoutCgroups(denied, { devices, pids: { limit: 5 } }, who), denied);
  }
  assert.throws(() => withoutCgroups(denied, { devices }, root), denied);
  const other = Object.assign(new Error("full"), { errnoName: "ENOSPC" });
  assert.throws(() => withoutCgroups(other, {}, user), other);
});
