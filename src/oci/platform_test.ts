import assert from "node:assert/strict";
import { test } from "node:test";
import {
  choosePlatform,
  formatPlatform,
  normalizePlatform,
  parsePlatform,
  platformChoices,
} from "./platform.ts";

const HOST = { os: "linux", architecture: "amd64" };

function offer(text: string) {
  const [os, architecture, variant] = text.split("/") as [string, string, string?];
  return { text, platform: { os, architecture, variant } };
}

test("parsePlatform() completes and normalises", () => {
  const cases: Readonly<Record<string, string>> = {
    "linux/amd64": "linux/amd64",
    "Linux/x86_64": "linux/amd64",
    "linux/amd64/v1": "linux/amd64",
    "linux/amd64/v3": "linux/amd64/v3",
    "linux/aarch64": "linux/arm64",
    "linux/arm64/v8": "linux/arm64",
    "linux/arm64/v9": "linux/arm64/v9",
    "linux/arm": "linux/arm/v7",
    "linux/arm/6": "linux/arm/v6",
    "armhf": "linux/arm/v7",
    "armel": "linux/arm/v6",
    "arm64": "linux/arm64",
    "i386": "linux/386",
    "linux": "linux/amd64",
    "windows": "windows/amd64",
    "macos/arm64": "darwin/arm64",
    "riscv64": "linux/riscv64",
    "linux/some-cpu": "linux/some-cpu",
  };
  for (const [text, expected] of Object.entries(cases)) {
    assert.equal(formatPlatform(parsePlatform(text, HOST)), expected, text);
  }
  assert.equal(
    formatPlatform(parsePlatform("linux", { os: "linux", architecture: "arm", variant: "v6" })),
    "linux/arm/v6",
  );
});

test("parsePlatform() refuses what is not a platform", () => {
  for (const text of ["", "/", "linux/", "a/b/c/d", "linux/am d64", "vax", "linux/../x", "*"]) {
    assert.throws(() => parsePlatform(text, HOST), { code: "invalid_argument" }, text);
  }
});

test("platformChoices() has older variants and 32 bits, in order", () => {
  const choices = (text: string, strict = false) =>
    platformChoices(parsePlatform(text, HOST), { strict }).map(formatPlatform).join(" ");
  assert.equal(choices("linux/amd64"), "linux/amd64 linux/386");
  assert.equal(choices("linux/amd64/v3"), "linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/386");
  assert.equal(choices("linux/amd64", true), "linux/amd64");
  assert.equal(choices("linux/arm/v7"), "linux/arm/v7 linux/arm/v6 linux/arm/v5");
  assert.equal(choices("linux/arm/v5"), "linux/arm/v5");
  assert.equal(
    choices("linux/arm64"),
    "linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5",
  );
  assert.equal(choices("linux/arm64/v9", true), "linux/arm64/v9 linux/arm64");
  assert.equal(choices("linux/s390x"), "linux/s390x");
  assert.equal(choices("linux/arm/v999999999"), "linux/arm/v999999999");
});

test("choosePlatform() takes what fits best, wherever it stands", () => {
  const offers = [
    offer("unknown/unknown"),
    { text: "nothing", platform: undefined },
    offer("linux/386"),
    offer("linux/arm/v6"),
    offer("linux/arm64/v8"),
    offer("linux/amd64"),
    offer("linux/amd64/v2"),
    offer("windows/amd64"),
  ];
  const choose = (text: string, strict = false) =>
    choosePlatform(offers, parsePlatform(text, HOST), { strict })?.text;
  assert.equal(choose("linux/amd64"), "linux/amd64");
  assert.equal(choose("linux/amd64/v3"), "linux/amd64/v2");
  assert.equal(choose("linux/arm64"), "linux/arm64/v8");
  assert.equal(choose("linux/arm/v7"), "linux/arm/v6");
  assert.equal(choose("linux/arm/v5"), undefined);
  assert.equal(choose("linux/s390x"), undefined);
  assert.equal(choosePlatform([offer("linux/386")], HOST)?.text, "linux/386");
  assert.equal(choosePlatform([offer("linux/386")], HOST, { strict: true }), undefined);
  assert.equal(choosePlatform(offers.slice(0, 2), HOST), undefined);
});

test("normalizePlatform() leaves no empty variant", () => {
  assert.deepEqual(normalizePlatform({ os: "linux", architecture: "amd64", variant: "" }), {
    os: "linux",
    architecture: "amd64",
  });
});
