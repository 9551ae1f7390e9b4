import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "../../tests/fixtures/random.ts";
import { familiarReference, parseReference, repositoryName } from "../oci/mod.ts";
import { canonicalName, familiarName, splitName } from "./name.ts";

const HEX = "0123456789abcdef".repeat(4);
/** What references are made of, and what they are not made of. */
const PIECES = [
  ..."aZ09._-/:@[]",
  ...[
    "alpine",
    "library",
    "docker.io",
    "index.docker.io",
    "localhost",
    ":5000",
    "__",
    "--",
    "..",
    "//",
  ],
  ...[
    "a".repeat(128),
    HEX,
    `sha256:${HEX}`,
    `sha512:${HEX}${HEX}`,
    "sha256:",
    "[::1]",
    "v1",
    " ",
    "é",
  ],
];

/** What it means to Docker's grammar as `oci` has it; undefined when that is nothing. */
function expected(text: string): string | undefined {
  try {
    const { digest, tag, ...name } = parseReference(text);
    return `${repositoryName(name)}${digest === undefined ? `:${tag ?? "latest"}` : `@${digest}`}`;
  } catch {
    return undefined;
  }
}

test("canonicalName() and familiarName() agree with the grammar on 20 000 made up names", () => {
  for (const seed of [1, 2, 3, 4]) {
    const { int, pick } = random(seed);
    let valid = 0;
    for (let at = 0; at < 5000; at++) {
      const text = Array.from({ length: 1 + int(7) }, () => pick(PIECES)).join("");
      const canonical = expected(text);
      if (canonical === undefined) {
        assert.throws(() => canonicalName(text), { code: "invalid_argument" }, text);
        continue;
      }
      valid++;
      assert.equal(canonicalName(text), canonical, text);
      assert.equal(canonicalName(canonical), canonical);
      assert.equal(familiarName(canonical), familiarReference(parseReference(canonical)));
      assert.equal(canonicalName(familiarName(canonical)), canonical);
      const { repository, tag, digest } = splitName(canonical);
      assert.equal(`${repository}${tag === undefined ? `@${digest}` : `:${tag}`}`, canonical);
    }
    assert.ok(valid > 200, `${valid} of seed ${seed} are names`);
  }
});
