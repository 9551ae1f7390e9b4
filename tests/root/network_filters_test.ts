/**
 * Beside the filters of others.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { needs } from "../fixtures/needs.ts";
import { withNetwork } from "../fixtures/network_space.ts";

const here = needs("root", "overlayfs", "cmd:ip", "cmd:nsenter", "cmd:iptables-nft");

test(
  "where Docker or ufw drops what is forwarded, containers get out and ports in",
  here,
  () =>
    withNetwork("net-filters", async (cli, outside) => {
      await outside.serve(7000);
      for (const command of ["-P FORWARD DROP", "-A FORWARD -i docker0 -j ACCEPT"]) {
        await cli.space.ok("iptables-nft", ...command.split(" "));
      }
      const web = await cli.idle(["--name", "web", "-p", "8080:80"]);
      await web.serve(80);
      assert.equal(await web.ask("tcp", "10.99.0.2", 7000), "10.99.0.1");
      assert.equal(await outside.ask("tcp", "10.99.0.1", 8080), "10.99.0.2");
      await cli.ok(["run", "--rm", "--network", "bridge", "host", "true"]);
      assert.equal(
        await cli.space.ok("iptables-nft", "-S", "FORWARD"),
        "-P FORWARD DROP\n-A FORWARD -o ctr+ -j ACCEPT\n-A FORWARD -i ctr+ -j ACCEPT\n" +
          "-A FORWARD -i docker0 -j ACCEPT\n",
      );
      // Docker comes later: it has a place for the rules of others.
      await cli.space.ok("iptables-nft", "-F", "FORWARD");
      await cli.space.ok("iptables-nft", "-N", "DOCKER-USER");
      await cli.space.ok("iptables-nft", "-A", "FORWARD", "-j", "DOCKER-USER");
      await cli.ok(["run", "--rm", "--network", "bridge", "host", "true"]);
      assert.match(await cli.space.ok("iptables-nft", "-S", "DOCKER-USER"), /-i ctr\+ -j ACCEPT/);
      assert.equal(await web.ask("tcp", "10.99.0.2", 7000), "10.99.0.1");
    }),
);
