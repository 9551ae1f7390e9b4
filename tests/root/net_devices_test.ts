/**
 * Network devices of the host that a container gets: `linux.netDevices`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { close } from "../../src/program/mod.ts";
import { Bundle, inUserNamespace, traces, type Variation } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox", "cmd:ip");

const ip = (...args: string[]) => execFileSync("ip", args, { encoding: "utf8" });
const isHere = (name: string) => existsSync(`/sys/class/net/${name}`);
let count = 0;

/** A pair of devices with addresses, of which one is to be moved. */
async function withPair(work: (device: string) => Promise<void>): Promise<void> {
  const name = `cm${process.pid}x${count++}`;
  const peer = `${name}p`;
  ip("link", "add", name, "type", "veth", "peer", "name", peer);
  try {
    ip("link", "set", peer, "up");
    ip("link", "set", name, "mtu", "1400", "up");
    ip("addr", "add", "10.93.7.2/24", "broadcast", "10.93.7.255", "dev", name);
    ip("addr", "add", "10.93.8.2/32", "dev", name, "scope", "link");
    ip("addr", "add", "fd93::2/64", "nodad", "dev", name);
    await work(name);
  } finally {
    // The other end goes with it, wherever that is; or it is about to go with that one's namespace.
    spawnSync("ip", ["link", "del", peer], { stdio: "ignore" });
  }
}

const giving = (netDevices: Record<string, { name?: string }>): Variation => ({
  network: "none",
  change: (spec) => ({ ...spec, linux: { ...spec.linux, netDevices } }),
});

test(
  "a device is moved with its name and its global addresses, and set up",
  here,
  () =>
    withPair(async (device) => {
      await using bundle = new Bundle();
      const { stdout, stderr } = await bundle.sh(`ip addr show ${device}; ip route`, {
        ...giving({ [device]: {} }),
        // Its own parameters can be set from the beginning.
        sysctl: { [`net.ipv4.conf.${device}.arp_ignore`]: "1" },
      });
      assert.match(stdout, /<[^>]*\bUP\b[^>]*> mtu 1400/, stderr);
      assert.match(stdout, /inet 10\.93\.7\.2\/24 brd 10\.93\.7\.255 scope global/);
      assert.match(stdout, /inet6 fd93::2\/64 scope global/);
      assert.doesNotMatch(stdout, /10\.93\.8\.2/);
      assert.match(stdout, /10\.93\.7\.0\/24 dev/);
      assert.ok(!isHere(device));
    }),
);

test(
  "a device may have another name inside, in a user namespace too",
  here,
  () =>
    withPair(async (device) => {
      await using bundle = new Bundle();
      execFileSync("chown", ["-R", "100000:100000", bundle.dir]);
      const { change } = giving({ [device]: { name: "eth0" } });
      const { stdout, stderr } = await bundle.sh("ls /sys/class/net; ip -4 addr show eth0", {
        network: "none",
        change: (spec) => inUserNamespace(change!(spec)),
      });
      assert.match(stdout, /^eth0\nlo\n/, stderr);
      assert.match(stdout, /10\.93\.7\.2\/24/);
    }),
);

test("a device is moved into a namespace that is joined", here, () =>
  withPair(async (device) => {
    await using holder = new Bundle();
    await using bundle = new Bundle();
    const created = await holder.create(["/bin/true"], { network: "none" });
    const path = `/proc/${created.process.pid}/ns/net`;
    try {
      const { change } = giving({ [device]: { name: "moved" } });
      const { stdout, stderr } = await bundle.sh("ip -4 addr show moved", {
        change: (spec) => {
          const changed = change!(spec);
          const namespaces = changed.linux!.namespaces!.filter(({ type }) => type !== "network");
          return {
            ...changed,
            linux: { ...changed.linux, namespaces: [...namespaces, { type: "network", path }] },
          };
        },
      });
      assert.match(stdout, /10\.93\.7\.2\/24/, stderr);
    } finally {
      created.process.abandon();
      close(created.stdout);
      close(created.stderr);
    }
  }));

test(
  "what cannot be moved stays as it is, and the container is not made",
  here,
  () =>
    withPair(async (device) => {
      await using bundle = new Bundle();
      await bundle.run(["/bin/true"]);
      const before = traces();
      const refused = async (devices: Record<string, { name?: string }>, reason: RegExp) => {
        await assert.rejects(bundle.run(["/bin/true"], giving(devices)), reason);
        assert.deepEqual(traces(), before);
        assert.match(ip("addr", "show", device), /<.*UP.*>[^]*10\.93\.7\.2\/24[^]*fd93::2\/64/);
      };
      await refused(
        { nosuch9: {} },
        /cannot move network device "nosuch9": there is no such device/,
      );
      await refused({ [device]: { name: "lo" } }, /there is a device "lo" already/);
      await refused({ [device]: { name: "a/b" } }, /"a\/b" is not the name of one/);
      await refused({ "": {} }, /"" is not the name of one/);
      await refused({ [device]: { name: "x".repeat(16) } }, /is not the name of one/);
      await assert.rejects(
        bundle.run(["/bin/true"], { ...giving({ [device]: {} }), network: "host" }),
        /network devices need a network namespace/,
      );
    }),
);
