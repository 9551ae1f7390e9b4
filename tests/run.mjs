/**
 * Runs every test on both runtimes and prints `N passed, N failed[, N skipped]` as its last line.
 *
 *     node tests/run.mjs [--runtime=bun|deno] [--list] [PART-OF-A-FILE-NAME ...]
 *
 * Plain Node without dependencies, because `npm test` implies only that. Unit tests run one file per
 * processor at a time, those below `tests/root` and its like one after the other.
 *
 * @module
 */

import { availableParallelism, cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { killAll } from "./runner/command.mjs";
import { watchLeftovers } from "./runner/leftovers.mjs";
import { Report } from "./runner/report.mjs";
import { selfCheck } from "./runner/self_check.mjs";
import { sourceFiles } from "./runner/source_files.mjs";
import { staticChecks } from "./runner/static_checks.mjs";
import { runTestFile, RUNTIMES } from "./runner/test_file.mjs";

const DEADLINE_MS = 50 * 60_000;
const SERIAL = /^tests\/(root|rootless|cve|issues|peers|vm)\//;

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
process.chdir(root);
process.env.PATH = `${root}/node_modules/.bin:${process.env.PATH}`;
const args = process.argv.slice(2);
const patterns = args.filter((arg) => !arg.startsWith("--"));
const runtimes = RUNTIMES.filter((name) =>
  !args.some((arg) => arg.startsWith("--runtime=")) || args.includes(`--runtime=${name}`)
);
const sources = sourceFiles(root).filter((file) => file.endsWith(".ts"));
const files = sources.filter((file) =>
  file.endsWith("_test.ts") &&
  (patterns.length === 0 || patterns.some((part) => file.includes(part)))
);
if (args.includes("--list")) {
  console.log(files.join("\n"));
  process.exit(0);
}

const report = new Report({ skipIsFailure: process.env.CTR_TEST_ALL === "1" });
const end = () => {
  killAll();
  process.exit(report.print());
};
const interrupted = (why) => () => {
  report.check({ name: `the run ended early: ${why}`, failed: true, output: "", ms: 0 });
  end();
};
setTimeout(interrupted("the time for the whole run is over"), DEADLINE_MS).unref();
process.on("SIGINT", interrupted("SIGINT"));
process.on("SIGTERM", interrupted("SIGTERM"));

if (patterns.length === 0) {
  for await (const check of staticChecks({ root, sources })) report.check(check);
  for await (const check of selfCheck({ root })) report.check(check);
}
const leftovers = patterns.length === 0 ? await watchLeftovers({ root }) : undefined;
const jobs = (chosen) =>
  chosen.flatMap((file) => runtimes.map((runtime) => () => runTestFile(runtime, file, { root })));
const processors = Math.min(4, availableParallelism?.() ?? cpus().length);
await inParallel(jobs(files.filter((file) => !SERIAL.test(file))), processors);
await inParallel(jobs(files.filter((file) => SERIAL.test(file))), 1);
if (leftovers !== undefined) report.check(await leftovers());
if (files.length === 0) {
  report.check({ name: "no test file matches", failed: true, output: "", ms: 0 });
}
end();

async function inParallel(queue, width) {
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      report.file(await job());
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}
