import assert from "node:assert/strict";
import { test } from "node:test";
import { datasetOf } from "./zfs.ts";

const MOUNTS = [
  "22 1 0:20 / / rw,relatime shared:1 - zfs rpool/ROOT/debian rw,xattr",
  "30 22 0:25 / /home rw - ext4 /dev/sda1 rw",
  "31 22 0:26 / /var/lib/my\\040data rw shared:9 - zfs tank/my\\040data rw",
].join("\n");

test("datasetOf() gives the dataset of the innermost mount", () => {
  assert.equal(datasetOf("/var/lib/ctr/snapshots/zfs", MOUNTS), "rpool/ROOT/debian");
  assert.equal(datasetOf("/var/lib/my data/x", MOUNTS), "tank/my data");
  assert.equal(datasetOf("/var/lib/my database", MOUNTS), "rpool/ROOT/debian");
});

test("datasetOf() says where there is no ZFS", () => {
  assert.throws(() => datasetOf("/home/me/ctr", MOUNTS), {
    code: "failed_precondition",
    message: /^cannot use snapshotter "zfs": \/home\/me\/ctr is not on a ZFS file system/,
  });
});
