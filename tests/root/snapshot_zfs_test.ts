import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { zfsSnapshotter } from "../../src/snapshot/zfs.ts";
import { snapshotterContract } from "../contracts/snapshotter.ts";
import { snapshotterChangesContract } from "../contracts/snapshotter_changes.ts";
import { needs } from "../fixtures/needs.ts";
import { ROOT } from "../fixtures/source_scan.ts";

// The kernel that this runs on has no ZFS: a program that understands the same commands stands in.
const implementation = {
  name: "zfs",
  open: async (state: Parameters<typeof zfsSnapshotter>[0]) => {
    const program = join(state.dirs.data, "fake_zfs.sh");
    copyFileSync(join(ROOT, "tests/fixtures/fake_zfs.sh"), program);
    chmodSync(program, 0o755);
    return zfsSnapshotter(state, { program, dataset: "tank/ctr" });
  },
  skip: needs("root", "overlayfs", "cmd:unshare", "cmd:python3").skip,
};
snapshotterContract(implementation);
snapshotterChangesContract(implementation);
