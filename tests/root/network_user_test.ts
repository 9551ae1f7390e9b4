/**
 * Networks that people make: their commands, what is between them, and IP version 6.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { withNetwork } from "../fixtures/network_space.ts";

const here = needs("root", "overlayfs", "cmd:ip", "cmd:nft", "cmd:nsenter", "cmd:unshare");

/** Nobody else is asked, who would not answer for a long time. */
const DNS = ["--dns", "127.0.0.1"];

test(
  "networks are made, listed, shown and removed",
  here,
  () =>
    withNetwork("net-commands", async (cli) => {
      const id = (await cli.ok([
        ...["network", "create", "--subnet", "10.7.0.0/16", "--ip-range", "10.7.5.0/24"],
        ...["--gateway", "10.7.0.9", "--aux-address", "printer=10.7.5.0", "--label", "a=b"],
        ...["-o", "com.docker.network.driver.mtu=1400", "back"],
      ])).trim();
      assert.match(id, /^[0-9a-f]{64}$/);
      assert.equal(
        await cli.ok(["network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}"]),
        "back bridge local\nbridge bridge local\nhost host local\nnone null local\n",
      );
      assert.equal(
        await cli.ok(["network", "ls", "-q", "-f", "label=a=b"]),
        `${id.slice(0, 12)}\n`,
      );
      const one = await cli.idle(["--name", "one", "--network", "back"]);
      assert.match(await one.ok("ip", "-o", "addr", "show", "eth0"), /10\.7\.5\.1\/16/);
      assert.match(await one.ok("ip", "link", "show", "eth0"), /mtu 1400/);
      assert.match(await one.ok("ip", "route"), /default via 10\.7\.0\.9/);
      const [shown] = JSON.parse(await cli.ok(["network", "inspect", "back"]));
      assert.deepEqual(shown.IPAM.Config, [{
        Subnet: "10.7.0.0/16",
        IPRange: "10.7.5.0/24",
        Gateway: "10.7.0.9",
        AuxiliaryAddresses: { printer: "10.7.5.0" },
      }]);
      const [endpoint] = Object.values<Record<string, string>>(shown.Containers);
      assert.deepEqual([endpoint!["Name"], endpoint!["IPv4Address"]], ["one", "10.7.5.1/16"]);
      const [{ NetworkSettings: { Networks } }] = JSON.parse(await cli.ok(["inspect", "one"]));
      assert.equal(Networks.back.IPAddress, "10.7.5.1");
      assert.equal(Networks.back.NetworkID, id);
      const busy = await cli.run(["network", "rm", "back"]);
      assert.equal(busy.code, 1);
      assert.match(busy.stderr, /network has active endpoints: one/);
      await cli.ok(["rm", "-f", "one"]);
      await cli.ok(["network", "rm", "back"]);
      assert.doesNotMatch(await cli.space.ok("ip", "-o", "link"), /ctr-/);
      for (
        const [args, reason] of [
          [["bridge"], /network with name bridge already exists/],
          [["host"], /operation is not permitted on predefined networks/],
          [["--subnet", "10.0.0.0/33", "x"], /"10.0.0.0\/33": it is ADDRESS\/BITS/],
          [["--subnet", "10.8.0.0/16", "--gateway", "10.9.0.1", "x"], /no subnet of it contains/],
          [["-o", "color=red", "x"], /unknown option "color"/],
          [["-d", "weave", "x"], /there is no driver "weave"/],
        ] as const
      ) assert.match((await cli.run(["network", "create", ...args])).stderr, reason);
      await cli.ok(["network", "create", "unused"]);
      assert.equal(await cli.ok(["network", "prune", "-f"]), "Deleted Networks:\nunused\n\n");
      assert.match((await cli.run(["run", "--network", "gone", "host"])).stderr, /no such network/);
    }),
);

test(
  "networks are apart, an internal one has no way out, and nobody is alone in one",
  here,
  () =>
    withNetwork("net-apart", async (cli, outside) => {
      await outside.serve(7000);
      await cli.ok(["network", "create", "front"]);
      await cli.ok(["network", "create", "--internal", "back"]);
      await cli.ok([
        "network",
        "create",
        "-o",
        "com.docker.network.bridge.enable_icc=false",
        "lone",
      ]);
      const ip = ["--ip", "172.18.0.77", "--mac-address", "02:00:00:00:00:77"];
      const front = await cli.idle(["--name", "front", "--network", "front", ...ip, "-p", "80:80"]);
      await front.serve(80);
      assert.match(await front.ok("ip", "link", "show", "eth0"), /02:00:00:00:00:77/);
      const other = await cli.idle(["--network", "bridge"]);
      const back = await cli.idle(["--name", "back", "--network", "back"]);
      await back.serve(80);
      const address = async (name: string, network: string) =>
        (await cli.ok([
          "inspect",
          "--format",
          `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`,
          name,
        ])).trim();
      assert.equal(await other.ask("tcp", "172.18.0.77", 80), "no answer");
      // But a published port is there for everybody.
      assert.match(await other.ask("tcp", "10.99.0.1", 80), /^172\.17\./);
      assert.match(await back.ask("tcp", "10.99.0.2", 7000), /refused|no answer/);
      const backAddress = await address("back", "back");
      assert.equal(await other.ask("tcp", backAddress, 80), "no answer");
      assert.match(await cli.space.ask("tcp", backAddress, 80), /^172\.19\.0\.1$/);
      // Several networks, from the beginning and later.
      const both = await cli.idle(["--name", "both", "--network", "back", "--network", "front"]);
      assert.match(await both.ok("ip", "route"), /default via 172\.18\.0\.1 dev eth1/);
      assert.equal(await both.ask("tcp", backAddress, 80), await address("both", "back"));
      assert.equal(await both.ask("tcp", "172.18.0.77", 80), await address("both", "front"));
      await cli.ok(["network", "connect", "--ip", "172.19.0.99", "back", "front"]);
      assert.equal(await front.ask("tcp", backAddress, 80), "172.19.0.99");
      await cli.ok(["network", "disconnect", "back", "front"]);
      assert.doesNotMatch(await front.ok("ip", "-o", "link"), /eth1/);
      await cli.ok(["network", "connect", "lone", "front"]);
      const lone = await cli.idle(["--network", "lone"]);
      assert.match(await lone.ask("tcp", await address("front", "lone"), 80), /refused|no answer/);
      assert.equal(await lone.ask("tcp", "10.99.0.2", 7000), "10.99.0.1");
      await cli.ok(["stop", "-t", "0", "front"]);
      await cli.ok(["start", "front"]);
      const again = await cli.spaceOf("front");
      assert.match(await again.ok("ip", "-o", "-4", "addr"), /eth0 [^]*172\.18\.0\.77[^]*eth1/);
    }),
);

test(
  "IP version 6: addresses, published ports, the way out",
  here,
  () =>
    withNetwork("net-v6", async (cli, outside) => {
      await outside.serve(7000);
      await cli.ok(["network", "create", "--ipv6", "--subnet", "fd77::/64", "six"]);
      const web = await cli.idle([
        ...["--name", "web", "--network", "six", "--ip6", "fd77::80", "-p", "8080:80"],
        ...["-p", "[fd99::1]:8081:80/udp"],
      ]);
      await web.serve(80);
      assert.match(await web.ok("ip", "-6", "route"), /default via fd77::1 dev eth0/);
      assert.equal(await web.ask("tcp", "fd99::2", 7000), "fd99::1");
      assert.equal(await outside.ask("tcp", "fd99::1", 8080), "fd99::2");
      assert.equal(await outside.ask("udp", "fd99::1", 8081), "fd99::2");
      assert.equal(await outside.ask("tcp", "10.99.0.1", 8080), "10.99.0.2");
      const other = await cli.idle(["--network", "six"]);
      assert.match(await other.ask("tcp", "fd77::80", 80), /^fd77::/);
      assert.match(await other.ask("tcp", "fd99::1", 8080), /^fd77::/);
      assert.match(await web.ask("tcp", "fd99::1", 8080), /^fd77::/);
      await outside.ok("ip", "route", "add", "fd77::/64", "via", "fd99::1");
      assert.equal(await outside.ask("tcp", "fd77::80", 80), "no answer");
      assert.equal(
        await cli.ok(["port", "web"]),
        "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n80/udp -> [fd99::1]:8081\n",
      );
      assert.equal(await cli.ok(["port", "web", "80/udp"]), "[fd99::1]:8081\n");
      assert.match((await cli.run(["port", "web", "81"])).stderr, /no public port '81\/tcp' publ/);
      assert.match(
        await cli.ok(["ps", "--format", "{{.Ports}}", "--filter", "name=web"]),
        /^0\.0\.0\.0:8080->80\/tcp, \[::\]:8080->80\/tcp, \[fd99::1\]:8081->80\/udp\n$/,
      );
      // Containers of other networks have none at all.
      const four = await cli.idle(["--network", "bridge"]);
      assert.doesNotMatch(await four.ok("ip", "-6", "addr", "show", "eth0"), /inet6/);
      await cli.idle(["--name", "all", "-P", "--expose", "80", "--network", "six"]);
      await until(
        "a port",
        async () => /:(49|5\d|6\d)\d{3}\n$/.test(await cli.ok(["port", "all"])),
      );
    }),
);

test(
  "containers of a network know each other by name, as long as they are there",
  here,
  () =>
    withNetwork("net-names", async (cli) => {
      await cli.ok(["network", "create", "--ipv6", "--subnet", "fd77::/64", "front"]);
      await cli.ok(["network", "create", "back"]);
      await cli.idle([...DNS, "--name", "web", "--network", "front"]);
      const db = ["--network", "name=front,alias=sql", "--network", "back"];
      await cli.idle([...DNS, "--name", "db", ...db]);
      await cli.idle([...DNS, "--name", "job", "--network", "back"]);
      const known = async (by: string, name: string) => {
        // Where two addresses of one version have a name, /etc/hosts gives one.
        const both = `getent ahostsv4 ${name}; getent ahostsv6 ${name} | grep -v ::ffff:`;
        const script = `{ ${both}; } | awk '{print $1}' | sort -u | wc -l`;
        return Number(await cli.ok(["exec", by, "sh", "-c", script]));
      };
      assert.deepEqual(
        await Promise.all([
          known("web", "db"),
          known("web", "sql"),
          known("web", "web"),
          known("web", "job"),
          known("db", "web"),
          known("db", "job"),
          known("job", "db"),
          known("job", "sql"),
        ]),
        [2, 2, 2, 0, 2, 1, 1, 0],
      );
      await cli.ok(["exec", "web", "sh", "-c", "echo 10.9.9.9 mine >> /etc/hosts"]);
      await cli.ok(["network", "connect", "--alias", "late", "front", "job"]);
      assert.equal(await known("web", "late"), 2);
      await cli.ok(["network", "disconnect", "front", "job"]);
      assert.equal(await known("web", "late"), 0);
      assert.equal(await known("job", "web"), 0);
      await cli.ok(["stop", "-t", "0", "db"]);
      assert.deepEqual([await known("web", "db"), await known("job", "db")], [0, 0]);
      await cli.ok(["start", "db"]);
      assert.deepEqual([await known("web", "db"), await known("web", "mine")], [2, 1]);
      await cli.ok(["rm", "-f", "db"]);
      assert.equal(await known("web", "sql"), 0);
      // On the default network they do not, as in Docker.
      await cli.idle([...DNS, "--name", "one", "--network", "bridge"]);
      await cli.idle([...DNS, "--name", "two", "--network", "bridge"]);
      assert.equal(await known("two", "one"), 0);
    }),
);
