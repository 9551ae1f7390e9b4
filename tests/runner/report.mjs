/**
 * Counts what ran, prints it as it comes, and the summary at the end.
 *
 * @module
 */

const OUTPUT_LINES = 150;

export class Report {
  #passed = 0;
  #failures = [];
  #skips = [];
  #times = [];
  #counts = new Map();
  #skipIsFailure;

  constructor({ skipIsFailure }) {
    this.#skipIsFailure = skipIsFailure;
  }

  /** A check that is one test. */
  check({ name, failed, output, ms }) {
    if (failed) this.#failures.push(name);
    else this.#passed++;
    this.#line(failed, name, ms, failed ? output : "");
  }

  /** The result of `runTestFile`. */
  file({ runtime, file, passed, failures, skipped, reasons, output, ms }) {
    const where = `${runtime.padEnd(4)} ${file}`;
    this.#passed += passed;
    // Deno says nothing when a module throws after its first test is declared: the tests behind it are
    // just not there. Bun counts them.
    const count = passed + failures.length + skipped.length;
    const other = this.#counts.get(file) ?? count;
    this.#counts.set(file, count);
    if (other !== count && failures.length === 0) {
      failures = [`ran ${count} tests, but ${other} on the other runtime`];
    }
    this.#failures.push(...failures.map((text) => `${where}: ${text}`));
    const why = reasons.length === 0 ? "no reason recorded" : reasons.join("; ");
    this.#skips.push(...skipped.map((name) => `${where}: ${name} (${why})`));
    this.#times.push({ where, ms });
    const counts = [`${passed} passed`];
    if (failures.length > 0) counts.push(`${failures.length} failed`);
    if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
    this.#line(
      failures.length > 0,
      `${where}  ${counts.join(", ")}`,
      ms,
      failures.length > 0 ? output : "",
    );
  }

  /** Print the end of the report. @returns {number} the exit code */
  print() {
    const slowest = this.#times.sort((a, b) => b.ms - a.ms).slice(0, 8);
    if (slowest.length > 3) {
      console.log("\nslowest:");
      for (const { where, ms } of slowest) console.log(`  ${seconds(ms)}  ${where}`);
    }
    if (this.#skips.length > 0) {
      console.log("\nskipped:");
      for (const text of this.#skips) console.log(`  ${text}`);
    }
    if (this.#failures.length > 0) {
      console.log("\nfailed:");
      for (const text of this.#failures) console.log(`  ${text.split("\n")[0].slice(0, 200)}`);
    }
    // On a machine that has everything, a test that did not run has failed.
    const fatal = this.#skipIsFailure ? this.#skips.length : 0;
    if (fatal > 0) console.log("\nCTR_TEST_ALL=1: every skipped test counts as failed");
    const failed = this.#failures.length + fatal;
    const skipped = this.#skips.length - fatal;
    console.log("");
    console.log(
      `${this.#passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`,
    );
    return failed === 0 && this.#passed > 0 ? 0 : 1;
  }

  #line(failed, text, ms, output) {
    console.log(`${failed ? "FAIL" : "ok  "} ${text}  ${seconds(ms)}`);
    if (output.trim() === "") return;
    const lines = output.trimEnd().split("\n");
    const shown = lines.length > OUTPUT_LINES
      ? [`... ${lines.length - OUTPUT_LINES} lines before`, ...lines.slice(-OUTPUT_LINES)]
      : lines;
    console.log(shown.map((line) => `     | ${line}`).join("\n"));
  }
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(2)} s`;
}
