import assert from "node:assert/strict";
import { test } from "node:test";
import { parseToml } from "./toml.ts";

test("parseToml() reads what hosts.toml is written in", () => {
  const text = `
# a comment
server = "https://r.example" # another
skip_verify = true
[header]
  "x-one" = ["a", 'b\\n']
[host."https://mirror.example:5000"]
  capabilities = [
    "pull", # first
    "resolve",
  ]
  client = [["a.cert", "a.key"], ["b.pem", ""]]
  depth.is = -3
`;
  assert.deepEqual(JSON.parse(JSON.stringify(parseToml(text))), {
    server: "https://r.example",
    skip_verify: true,
    header: { "x-one": ["a", "b\\n"] },
    host: {
      "https://mirror.example:5000": {
        capabilities: ["pull", "resolve"],
        client: [["a.cert", "a.key"], ["b.pem", ""]],
        depth: { is: -3 },
      },
    },
  });
});

test("parseToml() names the line of what it does not understand", () => {
  for (
    const [text, expected] of [
      ["a = 1\nb = {c = 1}", /^line 2: this is not understood/],
      ["[[host]]", /^line 1: arrays of tables/],
      ["a = 1 b = 2", /^line 1: the line should end here/],
      ["a = 1\na = 2", /^line 2: a is there twice/],
      ["a = 1979-05-27", /^line 1: no such value/],
      ['a = """x"""', /^line 1/],
      ["a = [1, 2", /^line 1/],
      ['a = "\\x41"', /^line 1: this escape/],
      ["a = 1\n[a.b]", /^line 2: a is no table/],
      ["__proto__.polluted = true\n[", /^line 2: no key/],
    ] as const
  ) assert.throws(() => parseToml(text), { name: "SyntaxError", message: expected }, text);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});
