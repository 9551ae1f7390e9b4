import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf } from "../src/errors.ts";
import { containerOptions } from "./container_options.ts";
import { parse } from "./flags.ts";
import { parseExpose, parsePublish } from "./port_flags.ts";
import { CONTAINER_FLAGS } from "./run_flags.ts";

const SPEC = {
  name: "run",
  usage: "",
  summary: "",
  flags: CONTAINER_FLAGS,
  args: [1, Infinity],
} as const;
const optionsOf = (line: string) =>
  containerOptions(parse(SPEC, [...line.split(" "), "x"]), { env: {} });

const short = (text: string) =>
  parsePublish(text).map(({ protocol, hostAddress, hostPort, lastHostPort, port }) =>
    `${hostAddress}|${hostPort}${
      lastHostPort > hostPort ? `-${lastHostPort}` : ""
    }|${port}/${protocol}`
  ).join(" ");

test("parsePublish() knows all that Docker does", () => {
  for (
    const [text, ports] of [
      ["80", "|0|80/tcp"],
      ["80/udp", "|0|80/udp"],
      ["8080:80", "|8080|80/tcp"],
      ["8080-8081:80-81/sctp", "|8080|80/sctp |8081|81/sctp"],
      ["8080-8089:80", "|8080-8089|80/tcp"],
      ["80-81", "|0|80/tcp |0|81/tcp"],
      ["127.0.0.1:8080:80", "127.0.0.1|8080|80/tcp"],
      ["127.0.0.1::80", "127.0.0.1|0|80/tcp"],
      ["[::1]:8080:80", "::1|8080|80/tcp"],
      ["[fd00::1]::80/UDP", "fd00::1|0|80/udp"],
      ["::1:8080:80", "::1|8080|80/tcp"],
    ] as const
  ) assert.equal(short(text), ports, text);
  const wrong =
    "80/icmp 0 65536 81-80 x :80: 1-2:80-82 host:8080:80 127.0.0.1:x:80 127.0.0.1:80 -80";
  for (const text of wrong.split(" ")) {
    assert.throws(() => parsePublish(text), { code: "invalid_argument" }, text);
  }
});

test("parseExpose() makes ranges single ports", () => {
  assert.deepEqual(parseExpose("80"), ["80/tcp"]);
  assert.deepEqual(parseExpose("80-82/udp"), ["80/udp", "81/udp", "82/udp"]);
  assert.throws(() => parseExpose("80/x"), { code: "invalid_argument" });
});

test("the flags of networks become one attachment for each network", async () => {
  const line = "--network front --network name=back,alias=db,ip=10.1.0.9 --ip6 fd00::9 " +
    "--mac-address 02:42:AC:11:00:02 --network-alias web -p 80";
  const { networks, ports, network } = await optionsOf(line);
  assert.deepEqual(networks, [
    { network: "front", ipv6: "fd00::9", mac: "02:42:ac:11:00:02", aliases: ["web"] },
    { network: "back", ipv4: "10.1.0.9", aliases: ["db"] },
  ]);
  assert.equal(ports?.length, 1);
  assert.equal(network, undefined);
});

test("what makes no sense together is refused", async () => {
  const code = async (line: string) => await optionsOf(line).then(() => "nothing thrown", codeOf);
  for (
    const line of [
      "--network none --ip 10.0.0.1",
      "--network container:a -p 80:80",
      "--network container:a --hostname b",
      "--network a --network a",
      "--network bridge --network-alias b",
      "--network a --ip fd00::1",
      "--add-host db",
      "--dns localhost",
      "--mac-address 1",
      "--network name=a,color=red",
    ]
  ) assert.equal(await code(line), "invalid_argument", line);
  assert.equal(await code("--network none --add-host a:10.0.0.1 --expose 80"), "nothing thrown");
});
