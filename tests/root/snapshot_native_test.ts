import { openSnapshotter } from "../../src/snapshot/mod.ts";
import { needs } from "../fixtures/needs.ts";
import { snapshotterContract } from "../contracts/snapshotter.ts";

const { skip } = needs("root", "overlayfs", "cmd:unshare");

snapshotterContract("native", (state) => openSnapshotter("native", state), skip);
