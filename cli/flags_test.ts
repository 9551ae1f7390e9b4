import assert from "node:assert/strict";
import { test } from "node:test";
import { HelpWanted, parse, parseBytes, type Spec, UsageError } from "./flags.ts";

const SPEC = {
  name: "run",
  usage: "[OPTIONS] IMAGE",
  summary: "",
  args: [1, Infinity],
  passthrough: true,
  missing: ["publish,p", "restart"],
  flags: {
    "cpus": { type: "decimal", help: "" },
    "env": { type: "list", short: "e", help: "" },
    "interactive": { type: "bool", short: "i", help: "" },
    "memory": { type: "bytes", short: "m", help: "" },
    "name": { type: "string", help: "" },
    "pids": { type: "int", help: "" },
    "pull": { type: "string", help: "", default: "missing" },
    "sig-proxy": { type: "bool", help: "", default: true },
    "tty": { type: "bool", short: "t", help: "" },
  },
} as const satisfies Spec;

const flagsOf = (...argv: string[]) => parse(SPEC, [...argv, "image"]).flags;

function usageError(...argv: string[]): UsageError {
  try {
    parse(SPEC, argv);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error(`${argv.join(" ")} was accepted`);
}

test("parse() gives what was not given its default", () => {
  assert.deepEqual(flagsOf(), {
    cpus: undefined,
    env: [],
    interactive: false,
    memory: undefined,
    name: undefined,
    pids: undefined,
    pull: "missing",
    "sig-proxy": true,
    tty: false,
  });
});

test("parse() takes a value beside the flag, after =, and joined to a letter", () => {
  assert.equal(flagsOf("--name", "web").name, "web");
  assert.equal(flagsOf("--name=web").name, "web");
  assert.equal(flagsOf("--name=").name, "");
  assert.equal(flagsOf("--name", "--tty").name, "--tty");
  assert.deepEqual(flagsOf("-e", "A=1", "-eB=2", "-e=C=3", "--env", "D").env, [
    "A=1",
    "B=2",
    "C=3",
    "D",
  ]);
});

test("parse() takes letters apart", () => {
  const flags = flagsOf("-itm", "1k");
  assert.deepEqual([flags.interactive, flags.tty, flags.memory], [true, true, 1024]);
  assert.equal(flagsOf("-itm2k").memory, 2048);
});

test("parse() reads true and false as Go does", () => {
  assert.equal(flagsOf("--tty=false").tty, false);
  assert.equal(flagsOf("--sig-proxy=0")["sig-proxy"], false);
  assert.equal(flagsOf("-t=F").tty, false);
  assert.equal(flagsOf("-t=TRUE").tty, true);
  assert.match(usageError("--tty=yes", "image").reason, /invalid argument "yes" for "-t, --tty"/);
});

test("parse() reads numbers and sizes", () => {
  assert.equal(flagsOf("--cpus", ".5").cpus, 0.5);
  assert.equal(flagsOf("--pids", "-1").pids, -1);
  assert.match(usageError("--pids", "1.5", "x").reason, /"1\.5" for "--pids" flag/);
  assert.match(usageError("--cpus", "-1", "x").reason, /"-1"/);
  assert.match(usageError("-m", "lots", "x").reason, /"lots" for "-m, --memory" flag.*512m/);
});

test("parse() leaves everything from the first argument on to the container", () => {
  assert.deepEqual(parse(SPEC, ["-i", "image", "-t", "--name", "x"]).args, [
    "image",
    "-t",
    "--name",
    "x",
  ]);
  assert.deepEqual(parse(SPEC, ["--", "-i", "--", "x"]).args, ["-i", "--", "x"]);
  assert.deepEqual(parse(SPEC, ["-", "x"]).args, ["-", "x"]);
});

test("parse() takes flags after arguments where nothing is passed through", () => {
  const { passthrough: _, ...spec } = SPEC;
  const { flags, args } = parse(spec, ["a", "--name", "x", "b", "-i"]);
  assert.deepEqual([args, flags.name, flags.interactive], [["a", "b"], "x", true]);
});

test("parse() refuses what it does not know", () => {
  const error = usageError("--nmae", "x", "image");
  assert.equal(error.reason, "unknown flag: --nmae");
  assert.equal(error.exitCode, 125);
  assert.equal(error.message, 'cannot run "ctr run": unknown flag: --nmae');
  assert.ok(error.unknown?.known.includes("--name"));
  assert.equal(usageError("-ix", "image").reason, "unknown shorthand flag: -x");
  assert.equal(usageError("--name").reason, "flag needs an argument: --name");
  assert.equal(usageError("-m").reason, "flag needs an argument: -m");
  assert.equal(usageError("--constructor", "x").reason, "unknown flag: --constructor");
});

test("parse() says that a flag of Docker's is missing, however it is written", () => {
  for (const argv of [["-p", "80:80"], ["-p80:80"], ["--publish=80"], ["-itp", "80"]]) {
    const error = usageError(...argv, "image");
    assert.equal(error.code, "not_implemented");
    assert.equal(error.reason, "--publish is not supported yet");
    assert.equal(error.exitCode, 125);
  }
});

test("parse() counts arguments", () => {
  assert.equal(usageError().reason, "it requires at least 1 argument");
  assert.equal(usageError().exitCode, 1);
  const check = (args: [number, number], argv: string[]) => {
    try {
      parse({ ...SPEC, args }, argv);
    } catch (error) {
      return (error as UsageError).reason;
    }
    return "";
  };
  assert.equal(check([0, 0], ["x"]), "it accepts no arguments");
  assert.equal(check([1, 1], ["x", "y"]), "it requires 1 argument");
  assert.equal(check([0, 1], ["x", "y"]), "it requires at most 1 argument");
  assert.equal(check([2, Infinity], ["x"]), "it requires at least 2 arguments");
});

test("parse() asks for help wherever a flag may stand", () => {
  assert.throws(() => parse(SPEC, ["--name", "x", "--help"]), HelpWanted);
  assert.throws(() => parse(SPEC, ["--help"]), HelpWanted);
  assert.deepEqual(parse(SPEC, ["image", "--help"]).args, ["image", "--help"]);
});

test("parseBytes() knows Docker's units", () => {
  const cases: [string, number | undefined][] = [
    ["0", 0],
    ["512", 512],
    ["1b", 1],
    ["64k", 65536],
    ["512m", 512 << 20],
    ["1.5g", 1.5 * 2 ** 30],
    ["2GiB", 2 ** 31],
    ["2 MB", 2 << 20],
    ["1t", 2 ** 40],
    ["", undefined],
    ["m", undefined],
    ["-1", undefined],
    ["1x", undefined],
    ["99999999p", undefined],
  ];
  for (const [text, bytes] of cases) assert.equal(parseBytes(text), bytes, text);
});
