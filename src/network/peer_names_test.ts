import assert from "node:assert/strict";
import { test } from "node:test";
import { peerLines, withPeers } from "./peer_names.ts";

test("withPeers() replaces its own lines and leaves all others", () => {
  const base = "127.0.0.1\tlocalhost\n";
  const one = withPeers(base, ["10.0.0.2\tdb"]);
  assert.match(one, /^127.0.0.1\tlocalhost\n# [^\n]*\n10\.0\.0\.2\tdb\n# [^\n]*\n$/);
  assert.equal(withPeers(one + "10.9.9.9\tmine\n", []), base + "10.9.9.9\tmine\n");
  assert.equal(withPeers(withPeers(one, ["a", "b"]), ["10.0.0.2\tdb"]), one);
  assert.match(withPeers("no end", ["a"]), /^no end\n# [^\n]*\na\n# /);
  assert.equal(withPeers(base, []), base);
});

test("peerLines() has a line for each address, with each name once", () => {
  const endpoint = { id: "", network: "", container: "", mac: "", link: "eth0" };
  assert.deepEqual(
    peerLines([
      {
        ...endpoint,
        ipv4: "10.0.0.2",
        ipv6: "fd00::2",
        names: ["db", "sql", "db", "0123456789ab"],
      },
      { ...endpoint, ipv4: "10.0.0.3", names: ["web"] },
    ]),
    ["10.0.0.2\tdb sql 0123456789ab", "fd00::2\tdb sql 0123456789ab", "10.0.0.3\tweb"],
  );
});
