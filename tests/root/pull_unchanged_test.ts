import assert from "node:assert/strict";
import { test } from "node:test";
import { withHostile } from "../fixtures/hostile_registry.ts";
import { needs } from "../fixtures/needs.ts";

test(
  "pull() of what is here asks the registry what the name is, and fetches nothing",
  needs("root", "overlayfs"),
  async () => {
    let moved = false;
    await withHostile(({ path, reply, method }) => {
      // Once it has moved, this registry says nothing of digests without a body.
      if (moved && method === "HEAD" && path.endsWith("/latest")) return reply(200) ?? true;
    }, async ({ host, images, log, source }) => {
      const name = `${host}/app`;
      const first = await images.pull(name);
      const cold = log.length;
      assert.equal(log[0], "GET /v2/app/manifests/latest");
      assert.equal((await images.pull(name)).target, first.target);
      assert.deepEqual(log.slice(cold), ["HEAD /v2/app/manifests/latest"]);
      source.names.set("latest", source.image([[{ path: "other" }]]));
      const second = await images.pull(name);
      assert.notEqual(second.target, first.target);
      moved = true;
      source.names.set("latest", source.image([[{ path: "another" }]]));
      assert.notEqual((await images.pull(name)).target, second.target);
      for (const { id } of await images.list()) await images.remove(id, { force: true });
    });
  },
);
