import assert from "node:assert/strict";
import { test } from "node:test";
import { doesWithout } from "./cgroup_rootless.ts";

test("doesWithout() is for who has not the host's rights, and for nothing but a lack of them", () => {
  const all = "         0          0 4294967295\n";
  const some = "         0       1000          1\n";
  const refused = { errnoName: "EACCES" };
  assert.equal(doesWithout(refused, { uid: 0, uidMap: all }), false);
  assert.equal(doesWithout(refused, { uid: 1000, uidMap: all }), true);
  assert.equal(doesWithout({ errnoName: "EROFS" }, { uid: 0, uidMap: some }), true);
  assert.equal(doesWithout({ errnoName: "ENOSPC" }, { uid: 0, uidMap: some }), false);
  assert.equal(doesWithout(new TypeError(), { uid: 1000, uidMap: all }), false);
});
