/**
 * Containers on the default bridge: real traffic, in network namespaces that stand for machines.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { type NetworkCli, withNetwork } from "../fixtures/network_space.ts";

const here = needs("root", "overlayfs", "cmd:ip", "cmd:nft", "cmd:nsenter", "cmd:unshare");
const MACHINE = "10.99.0.1";

/** The elements of the packet filter that lead to containers. */
async function portRules(cli: NetworkCli): Promise<string[]> {
  const rules = await cli.space.ok("nft", "list", "ruleset");
  return [...rules.matchAll(/(?:tcp|udp|sctp) \. \d+ : \S+ \. \d+/g)].map(([text]) => text);
}

const addressOf = async (cli: NetworkCli, name: string) =>
  (await cli.ok(["exec", name, "hostname", "-I"])).trim().split(" ")[0]!;

test(
  "a container on the bridge has an address, a way out, and its files",
  here,
  () =>
    withNetwork("net-files", async (cli, outside) => {
      await outside.serve(7000);
      const script = "ip -o -4 addr show eth0; ip route; ip -o link show lo; cat /etc/hosts";
      const out = await cli.ok([
        ...["run", "--rm", "--network", "bridge", "--hostname", "box", "--add-host", "db:10.1.2.3"],
        ...["--dns", "10.5.5.5", "--dns-search", "lan", "--dns-option", "ndots:2"],
        ...["--add-host", "gate:host-gateway", "host", "sh", "-c", `${script} /etc/resolv.conf`],
      ]);
      assert.match(out, /inet 172\.17\.0\.2\/16 brd 172\.17\.255\.255 scope global eth0/);
      assert.match(out, /default via 172\.17\.0\.1 dev eth0/);
      assert.match(out, /lo: <LOOPBACK,UP,LOWER_UP>/);
      assert.match(out, /^127\.0\.0\.1\tlocalhost\n[^]*^10\.1\.2\.3\tdb\n172\.17\.0\.1\tgate\n/m);
      assert.match(
        out,
        /^172\.17\.0\.2\tbox\nnameserver 10\.5\.5\.5\nsearch lan\noptions ndots:2\n/m,
      );
      const container = await cli.idle(["--network", "bridge"]);
      // Outside it has the machine's address.
      assert.equal(await container.ask("tcp", "10.99.0.2", 7000), MACHINE);
      assert.equal(await container.ask("udp", "10.99.0.2", 7000), MACHINE);
    }),
);

test(
  "a published port is reached from everywhere, and nothing else is",
  here,
  () =>
    withNetwork("net-ports", async (cli, outside) => {
      const ports = ["-p", "8080:80", "-p", "8080:80/udp", "-p", "127.0.0.1:8081:80"];
      const web = await cli.idle(["--name", "web", ...ports]);
      await web.serve(80);
      const other = await cli.idle(["--name", "other", "--network", "bridge"]);
      const address = await addressOf(cli, "web");
      for (const protocol of ["tcp", "udp"] as const) {
        assert.equal(await outside.ask(protocol, MACHINE, 8080), "10.99.0.2");
        assert.equal(await other.ask(protocol, address, 80), await addressOf(cli, "other"));
        for (const one of [MACHINE, "127.0.0.1", "172.17.0.1"]) {
          const seen = one === "127.0.0.1" ? "172.17.0.1" : one;
          assert.equal(await cli.space.ask(protocol, one, 8080), seen);
        }
        for (const from of [other, web]) {
          assert.match(await from.ask(protocol, MACHINE, 8080), /^172\.17\.0\./);
        }
      }
      assert.equal(await cli.space.ask("tcp", "127.0.0.1", 8081), "172.17.0.1");
      assert.notEqual(await outside.ask("tcp", MACHINE, 8081), "10.99.0.2");
      // Even who knows the way to the container gets no further than what is published.
      await outside.ok("ip", "route", "add", "172.17.0.0/16", "via", MACHINE);
      assert.equal(await outside.ask("tcp", address, 80), "no answer");
      // Nor does a container get to what listens on the machine's 127.0.0.1.
      await cli.space.serve(9000);
      const routed = "echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet; " +
        "ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via 172.17.0.1";
      await other.ok("sh", "-c", routed);
      assert.equal(await other.ask("tcp", "127.0.0.1", 9000), "no answer");
      await cli.ok(["rm", "-f", "web"]);
      assert.deepEqual(await portRules(cli), []);
      assert.notEqual(await outside.ask("tcp", MACHINE, 8080), "10.99.0.2");
    }),
);

test(
  "a port that is in use is told of, and free again after its container's end",
  here,
  () =>
    withNetwork("net-conflict", async (cli) => {
      await cli.idle(["--name", "one", "-p", "8080:80"]);
      const refused = await cli.run([
        "run",
        "--name",
        "two",
        "-p",
        "127.0.0.1:8080:80",
        "host",
        "true",
      ]);
      assert.equal(refused.code, 125);
      assert.match(
        refused.stderr,
        /cannot publish port "127.0.0.1:8080\/tcp": port is already alloc/,
      );
      assert.match(await cli.ok(["ps", "-a"]), /two/); // as in Docker, it could not be started
      await cli.ok(["stop", "-t", "0", "one"]);
      assert.deepEqual(await portRules(cli), []);
      await cli.ok(["start", "two"]);
      await until("its end", async () => !/two/.test(await cli.ok(["ps"])));
      await cli.ok(["start", "one"]);
      assert.deepEqual(await portRules(cli), [`tcp . 8080 : ${await addressOf(cli, "one")} . 80`]);
      // A program of the machine counts, too.
      await cli.space.serve(8085);
      const taken = await cli.run(["run", "--rm", "-p", "8085:80", "host", "true"]);
      assert.match(taken.stderr, /port is already allocated/);
    }),
);

test(
  "what holders left who were killed is taken back",
  here,
  () =>
    withNetwork("net-killed", async (cli) => {
      await cli.idle(["--name", "web", "-p", "8080:80"]);
      const [, shim] = /"shimPid":(\d+)/.exec(
        await cli.space.ok("sh", "-c", `cat ${cli.data}/containers/*/state.json`),
      )!;
      process.kill(Number(shim), "SIGKILL");
      await cli.ok(["run", "--rm", "-p", "8080:80", "host", "true"]);
      assert.deepEqual(await portRules(cli), []);
      await cli.ok(["start", "web"]);
      assert.deepEqual(await portRules(cli), [`tcp . 8080 : ${await addressOf(cli, "web")} . 80`]);
      // Whoever reloads the machine's firewall takes ours away, too; the next start brings all back.
      await cli.space.ok("nft", "flush", "ruleset");
      await cli.idle(["--network", "bridge"]);
      assert.equal((await portRules(cli)).length, 1);
    }),
);

test(
  "containers that start at once have addresses of their own, and leave nothing",
  here,
  () =>
    withNetwork("net-many", async (cli) => {
      const count = 12;
      const script = "hostname -I; sleep 0.2";
      const run = ["run", "--rm", "--network", "bridge", "host", "sh", "-c", script];
      const addresses = await Promise.all(Array.from({ length: count }, () => cli.ok(run)));
      assert.equal(new Set(addresses).size, count, addresses.join(""));
      for (const address of addresses) assert.match(address, /^172\.17\.0\.\d+ \n$/);
      await until(
        "the end of the links",
        async () => !/veth/.test(await cli.space.ok("ip", "-o", "link")),
      );
      // Some are killed at any moment.
      for (let round = 0; round < 8; round++) {
        const one = cli.start(["run", "--rm", "-p", "8080-8081:80-81", "host", "sleep", "0.05"]);
        await new Promise((resolve) => setTimeout(resolve, round * 20));
        if (round % 2 === 1) one.child.kill("SIGKILL");
        await one.ended;
      }
      await until("the end of all", async () => (await cli.ok(["ps", "-aq"])) === "");
      await cli.ok(["run", "--rm", "-p", "8080-8081:80-81", "host", "true"]);
      await until("the end of the rules", async () => (await portRules(cli)).length === 0);
      await until(
        "the end of the links",
        async () => !/veth/.test(await cli.space.ok("ip", "-o", "link")),
      );
    }),
);

test(
  "--network container:NAME shares all of a network",
  here,
  () =>
    withNetwork("net-shared", async (cli) => {
      const web = await cli.idle(["--name", "web", "--network", "bridge"]);
      await web.serve(80);
      const files = "cat /etc/hosts /etc/hostname";
      const theirs = await cli.ok(["exec", "web", "sh", "-c", files]);
      const join = ["run", "--rm", "--network", "container:web", "host"];
      assert.equal(await cli.ok([...join, "sh", "-c", files]), theirs);
      const links = ["readlink", "/proc/self/ns/net"];
      assert.equal(await cli.ok([...join, ...links]), await cli.ok(["exec", "web", ...links]));
      const published = await cli.run([...join.slice(0, -1), "-p", "80:80", "host", "true"]);
      assert.match(published.stderr, /"container:[^"]*": conflicting options/);
      await cli.ok(["stop", "-t", "0", "web"]);
      assert.match((await cli.run([...join, "true"])).stderr, /"web": it is not running/);
    }),
);

test(
  "without a network there is still 127.0.0.1",
  here,
  () =>
    withNetwork("net-none", async (cli) => {
      const script = "busybox ping -c 1 -W 1 127.0.0.1; ls /sys/class/net";
      const out = await cli.ok(["run", "--rm", "--network", "none", "host", "sh", "-c", script]);
      assert.match(out, / 0% packet loss[^]*\nlo\n$/);
    }),
);
