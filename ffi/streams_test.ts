import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { arch, chunks, connect, type Connection, connection, listen, sys } from "./mod.ts";

const NR = arch === "x86_64"
  ? { socketpair: 53, pipe2: 293, write: 1, close: 3, ioctl: 16, openat: 257 }
  : { socketpair: 199, pipe2: 59, write: 64, close: 57, ioctl: 29, openat: 56 };
const CLOEXEC = 0o2000000;
const NONBLOCK = 0o4000;

function pair(nr: number, ...args: (number | Uint8Array)[]): [number, number] {
  const fds = new Int32Array(2);
  const bytes = new Uint8Array(fds.buffer);
  const [a0, a1, a2, a3] = args.length === 1 ? [bytes, args[0]] : [...args, bytes];
  assert.equal(sys(nr, a0, a1, a2, a3), 0);
  return [fds[0]!, fds[1]!];
}
const sockets = () => pair(NR.socketpair, 1, 1 | CLOEXEC | NONBLOCK, 0);
const pipe = (flags = 0) => pair(NR.pipe2, CLOEXEC | flags);

/** Records what happens to a connection. */
function recorder() {
  const events: string[] = [];
  const parts: Uint8Array[] = [];
  const closed = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  return {
    events,
    closed: closed.promise,
    ended: ended.promise,
    bytes: () => Buffer.concat(parts),
    handler: {
      onData: (bytes: Uint8Array) => {
        if (events.at(-1) !== "data") events.push("data");
        parts.push(bytes);
      },
      onEnd: () => {
        events.push("end");
        ended.resolve();
      },
      onClose: () => {
        events.push("close");
        closed.resolve();
      },
    },
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const filled = (length: number) => new Uint8Array(length).map((_, index) => index * 7);

test("connection() half-closes: the peer reads the end and can still answer", async () => {
  const [a, b] = sockets();
  const left = recorder(), right = recorder();
  const one = connection(a, left.handler);
  const two = connection(b, right.handler);
  one.write(bytes("question"));
  one.end();
  await right.ended;
  two.write(bytes("answer"));
  two.end();
  await Promise.all([left.closed, right.closed]);
  assert.equal(right.bytes().toString(), "question");
  assert.equal(left.bytes().toString(), "answer");
  assert.deepEqual(left.events, ["data", "end", "close"]);
  assert.deepEqual(right.events, ["data", "end", "close"]);
});

test("connection() keeps order and content when the peer is slow", async () => {
  const [a, b] = sockets();
  const left = recorder(), right = recorder();
  const one = connection(a, left.handler);
  const two = connection(b, right.handler);
  two.pause();
  const content = filled(3_000_000);
  let waited = 0;
  for (let at = 0; at < content.length; at += 100_000) {
    const part = content.slice(at, at + 100_000);
    const slow = one.write(part);
    part.fill(0); // The bytes must have been copied or sent.
    if (slow !== undefined) waited++;
  }
  one.end();
  await delay(20);
  assert.equal(right.bytes().length, 0, "paused");
  assert.ok(waited > 0, "a slow peer is told");
  two.resume();
  await right.ended;
  two.end();
  await Promise.all([left.closed, right.closed]);
  assert.ok(right.bytes().equals(content));
});

test("connection().close() ends both sides, and writers that wait go on", async () => {
  const [a, b] = sockets();
  const left = recorder(), right = recorder();
  const one = connection(a, left.handler);
  const two = connection(b, right.handler);
  two.pause();
  await delay(5);
  const slow = one.write(filled(3_000_000));
  assert.notEqual(slow, undefined);
  one.close();
  await slow;
  two.resume();
  await left.closed;
  two.close();
  await right.closed;
  assert.equal(left.events.filter((event) => event === "close").length, 1);
  assert.equal(right.events.filter((event) => event === "close").length, 1);
  assert.equal(one.write(bytes("late")), undefined);
});

test("listen() and connect() meet at a path, and connect() fails where nobody listens", async () => {
  const dir = mkdtempSync(join(tmpdir(), "ctr-door-"));
  try {
    const path = join(dir, "s");
    const server = recorder(), client = recorder();
    let accepted: Connection | undefined;
    const listener = listen(path, (connection) => {
      accepted = connection;
      return {
        ...server.handler,
        onData: (data) => {
          server.handler.onData(data);
          connection.write(data);
        },
        onEnd: () => {
          server.handler.onEnd();
          connection.end();
        },
      };
    });
    const one = await connect(path, client.handler);
    one.write(bytes("echo"));
    one.end();
    await Promise.all([client.closed, server.closed]);
    assert.ok(accepted);
    assert.equal(client.bytes().toString(), "echo");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    listener.close();
    assert.ok(!existsSync(path));
    await assert.rejects(connect(join(dir, "nobody"), recorder().handler));
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("listen() says at once that the path is taken, impossible or too long", () => {
  const dir = mkdtempSync(join(tmpdir(), "ctr-door-"));
  const nobody = () => recorder().handler;
  try {
    writeFileSync(join(dir, "taken"), "");
    assert.throws(() => listen(join(dir, "taken"), nobody), /cannot listen at ".*EADDRINUSE/);
    assert.throws(() => listen(join(dir, "no", "such"), nobody), /cannot listen at ".*ENOENT/);
    assert.throws(() => listen(join(dir, "x".repeat(120)), nobody), /cannot listen at "/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("chunks() yields what comes through a pipe until its end, then closes it", async () => {
  const [read, write] = pipe();
  const content = filled(200_000);
  const got: Uint8Array[] = [];
  const writer = writeInPieces(write, content);
  for await (const part of chunks(read, "pipe")) got.push(part.slice());
  await writer;
  assert.ok(Buffer.concat(got).equals(content));
  await delay(5);
  assert.throws(() => readlinkSync(`/proc/self/fd/${read}`), /ENOENT/);
});

/** Writes in pieces that the pipe takes, yielding to the reader in between. */
async function writeInPieces(fd: number, content: Uint8Array): Promise<void> {
  for (let at = 0; at < content.length; at += 20_000) {
    assert.equal(sys(NR.write, fd, content.subarray(at), 20_000), 20_000);
    await delay(1);
  }
  sys(NR.close, fd);
}

test("chunks() returned early closes the descriptor", async () => {
  const [read, write] = pipe();
  sys(NR.write, write, bytes("one"), 3);
  for await (const part of chunks(read, "pipe")) {
    assert.equal(Buffer.from(part).toString(), "one");
    break;
  }
  await delay(5);
  assert.throws(() => readlinkSync(`/proc/self/fd/${read}`), /ENOENT/);
  sys(NR.close, write);
});

test("chunks() of a pty master ends when the last slave is closed", async () => {
  const O_RDWR_NOCTTY = 0o402;
  const path = (text: string) => bytes(text + "\0");
  const master = sys(NR.openat, -100, path("/dev/ptmx"), O_RDWR_NOCTTY | CLOEXEC, 0);
  if (master < 0) return console.log("skipped: no /dev/ptmx");
  sys(NR.ioctl, master, 0x40045431, new Uint8Array(4)); // TIOCSPTLCK
  const slave = sys(NR.ioctl, master, 0x5441, O_RDWR_NOCTTY | CLOEXEC); // TIOCGPTPEER
  assert.ok(slave > 0);
  let text = "";
  const reading = (async () => {
    for await (const part of chunks(master, "pty")) text += Buffer.from(part).toString();
  })();
  sys(NR.write, slave, bytes("hello\n"), 6);
  await delay(10);
  sys(NR.close, slave);
  await reading;
  assert.equal(text, "hello\r\n");
});
