import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf } from "../src/errors.ts";
import { containerOptions } from "./container_options.ts";
import { parseUlimit } from "./ulimit.ts";
import { attachedStreams } from "./attached_streams.ts";
import { parse } from "./flags.ts";
import { CONTAINER_FLAGS } from "./run_flags.ts";

const SPEC = {
  name: "run",
  usage: "",
  summary: "",
  args: [1, Infinity],
  passthrough: true,
  flags: CONTAINER_FLAGS,
} as const;

const optionsOf = (...argv: string[]) =>
  containerOptions(parse(SPEC, argv), { env: { HOME: "/root" } });

test("containerOptions() of an image alone leaves everything to the engine", async () => {
  assert.deepEqual(await optionsOf("alpine"), {
    image: "alpine",
    command: [],
    env: [],
    groupAdd: [],
    labels: {},
    tty: false,
    openStdin: false,
    autoRemove: false,
    mounts: [],
    readonlyRootfs: false,
    privileged: false,
    capAdd: [],
    capDrop: [],
    securityOpt: [],
    ulimits: [],
    init: false,
    network: "none",
    sysctl: {},
    pull: "missing",
  });
});

test("containerOptions() has a field for each flag", async () => {
  const text =
    "-it --rm --name web -e A=1 -e HOME -w /w -u 1:2 --entrypoint sh -h box --read-only " +
    "--privileged --cap-add NET_ADMIN --cap-drop ALL --security-opt no-new-privileges -m 64m " +
    "--cpus 1.5 --pids-limit 10 --ulimit nofile=1:2 --init --network host --pull never " +
    "--platform linux/arm64 --stop-signal INT --stop-timeout 3 -l a=b --group-add wheel " +
    "--log-driver none --log-opt a=b --sysctl net.ipv4.ip_forward=1 --shm-size 1m --tmpfs /t:size=1m " +
    "--mount type=bind,src=/etc,dst=/e,ro alpine echo -n hi";
  assert.deepEqual(await optionsOf(...text.split(" ")), {
    image: "alpine",
    command: ["echo", "-n", "hi"],
    name: "web",
    entrypoint: ["sh"],
    env: ["A=1", "HOME=/root"],
    workingDir: "/w",
    user: "1:2",
    groupAdd: ["wheel"],
    hostname: "box",
    labels: { a: "b" },
    tty: true,
    openStdin: true,
    autoRemove: true,
    mounts: [
      { type: "bind", source: "/etc", destination: "/e", readonly: true, options: ["rro"] },
      {
        type: "tmpfs",
        source: "tmpfs",
        destination: "/t",
        readonly: false,
        options: ["size=1m"],
      },
    ],
    readonlyRootfs: true,
    privileged: true,
    capAdd: ["NET_ADMIN"],
    capDrop: ["ALL"],
    securityOpt: ["no-new-privileges"],
    memoryBytes: 64 << 20,
    nanoCpus: 1_500_000_000,
    pidsLimit: 10,
    ulimits: [{ name: "nofile", soft: 1, hard: 2 }],
    init: true,
    network: "host",
    stopSignal: "INT",
    stopTimeoutSec: 3,
    sysctl: { "net.ipv4.ip_forward": "1" },
    shmBytes: 1 << 20,
    logDriver: "none",
    logOptions: { a: "b" },
    platform: "linux/arm64",
    pull: "never",
  });
});

test("containerOptions() takes a directory with --rootfs", async () => {
  assert.equal((await optionsOf("--rootfs", "/srv/root", "sh")).rootfs, "/srv/root");
  assert.equal((await optionsOf("--rootfs", "root", "sh")).rootfs, `${process.cwd()}/root`);
});

test("containerOptions() says what is missing and what is wrong", async () => {
  const code = async (...argv: string[]) =>
    await optionsOf(...argv).then(() => "nothing thrown", codeOf);
  assert.equal(await code("--network", "host", "--network", "a", "x"), "invalid_argument");
  assert.equal(await code("--network", "a", "--net=container:web", "x"), "invalid_argument");
  assert.equal(await code("-v", "data:/data", "x"), "not_implemented");
  assert.equal(await code("--pull", "sometimes", "x"), "invalid_argument");
  assert.equal(await code("--cidfile", "/etc/passwd", "x"), "already_exists");
});

test("parseUlimit() takes one or two numbers", () => {
  assert.deepEqual(parseUlimit("nofile=1024"), { name: "nofile", soft: 1024, hard: 1024 });
  assert.deepEqual(parseUlimit("core=0:-1"), { name: "core", soft: 0, hard: -1 });
  for (const text of ["nofile", "nofile=", "nofile=2:1", "nofile=-1:5", "bogus=1", "NOFILE=1"]) {
    assert.throws(() => parseUlimit(text), /--ulimit/, text);
  }
});

test("attachedStreams() is everything that is open, unless told", () => {
  const streams = (attach: string[], more = {}) =>
    attachedStreams({ attach, detach: false, interactive: true, ...more });
  assert.deepEqual(streams([]), { stdin: true, stdout: true, stderr: true });
  assert.deepEqual(streams(["STDOUT"]), { stdin: false, stdout: true, stderr: false });
  assert.deepEqual(streams([], { detach: true }), { stdin: false, stdout: false, stderr: false });
  assert.deepEqual(streams(["stdin"], { interactive: false }).stdin, false);
  assert.throws(() => streams(["out"]), /"stdin", "stdout" or "stderr"/);
  assert.throws(() => streams(["stdout"], { detach: true }), /contradict/);
});
