/**
 * A download that was begun with somebody else's bytes, and is gone on with.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { pullFails, withHostile } from "../fixtures/hostile_registry.ts";
import { needs } from "../fixtures/needs.ts";

test(
  "hostile registry: a beginning that belongs to something else spoils one pull and not the next",
  needs("root", "overlayfs"),
  async () => {
    let hostile = true;
    const ranges: (string | undefined)[] = [];
    await withHostile(({ headers, response, drop }, { bytes }) => {
      if (bytes.length < 200_000) return undefined;
      ranges.push(headers.range);
      if (!hostile) return undefined;
      if (headers.range !== undefined) return drop() ?? true;
      response.writeHead(200, { "Content-Length": String(bytes.length) });
      // The header of the archive and of its file are right.
      response.write(bytes.subarray(0, 100_000).map((byte, at) => at > 5000 ? byte ^ 1 : byte));
      setTimeout(drop, 100);
      return true;
    }, async (served) => {
      const { host, images, source } = served;
      const data = Buffer.alloc(300_000, "abc");
      const image = source.image([[{ path: "big", data }]], { compression: "none" });
      source.names.set("latest", image);
      await pullFails(served, { code: "unavailable", message: /cannot reach 127[^\n]*$/ });
      hostile = false;
      await pullFails(served, { code: "data_loss", message: /its bytes have the digest/ });
      assert.match(ranges.at(-1)!, /^bytes=\d+-/); // it went on
      await images.pull(`${host}/app`);
      assert.equal(ranges.at(-1), undefined);
      await images.remove(`${host}/app`, { force: true });
    });
  },
);
