/**
 * The library in one long-lived process: for each line on stdin one container from create to the exit
 * of `true`, and its milliseconds on stdout.
 *
 * @module
 */

import { createInterface } from "node:readline";
import { Ctr } from "../../mod.ts";

const [dataRoot, execRoot, image] = process.argv.slice(2) as [string, string, string];
await using ctr = new Ctr({ dataRoot, execRoot });

async function once(): Promise<number> {
  const start = performance.now();
  const { exitCode } = await ctr.run({ image, command: ["true"], network: "none" });
  if (exitCode !== 0) throw new Error(`the container exited with ${exitCode}`);
  return performance.now() - start;
}

console.log(await once());
for await (const _ of createInterface({ input: process.stdin })) console.log(await once());
