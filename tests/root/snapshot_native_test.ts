import { openSnapshotter } from "../../src/snapshot/mod.ts";
import { snapshotterContract } from "../contracts/snapshotter.ts";

const skip = process.getuid?.() === 0 ? false : "needs root";

snapshotterContract("native", (state) => openSnapshotter("native", state), skip);
