import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Connection, sys } from "../../ffi/mod.ts";
import { close, open, SYS } from "../program/mod.ts";
import { JsonLog } from "./json_log.ts";
import { type IoOptions, ProcessIo } from "./process_io.ts";
import { STDERR, STDIN, stdioFrame, StdioReader, STDOUT } from "./stdio_frames.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const NO_BYTES = new Uint8Array(0);

/** A client whose peer reads only when told to. */
class FakeClient implements Connection {
  readonly output: Record<number, string> = {};
  ended = false;
  closed = false;
  paused = false;
  slow = false;
  #waiting: (() => void)[] = [];
  readonly #reader = new StdioReader();

  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#reader.push(bytes, (stream, data) => {
      this.output[stream] = (this.output[stream] ?? "") + new TextDecoder().decode(data);
    });
    if (!this.slow) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
  catchUp(): void {
    this.slow = false;
    for (const resolve of this.#waiting) resolve();
  }
  end(): void {
    this.ended = true;
  }
  close(): void {
    this.closed = true;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  ref(): void {}
  unref(): void {}
}

/** A process of which only the ends of its pipes exist. */
class FakeProcess {
  readonly io: ProcessIo;
  readonly #fds: number[];

  constructor(options: Partial<IoOptions> = {}) {
    this.io = new ProcessIo({
      terminal: false,
      openStdin: false,
      stdinOnce: false,
      sinks: [],
      ...options,
    });
    const { stdin, stdout, stderr } = this.io.stdio;
    this.#fds = [stdin, stdout, stderr].map((fd) =>
      open(`/proc/self/fd/${fd}`, fd === stdin ? 0 : 1)
    );
    this.io.begin(undefined);
  }
  write(stream: 1 | 2, text: string): void {
    const bytes = encode(text);
    assert.equal(sys(SYS.write, this.#fds[stream]!, bytes, bytes.length), bytes.length);
  }
  read(): string {
    const buffer = new Uint8Array(1 << 20);
    const length = sys(SYS.read, this.#fds[0]!, buffer, buffer.length);
    return new TextDecoder().decode(buffer.subarray(0, length));
  }
  get stdin(): number {
    return this.#fds[0]!;
  }
  exit(): void {
    for (const fd of this.#fds) close(fd);
  }
}

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Wait for what another thread or the kernel does, without believing in a fixed time. */
async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await later(5);
  assert.ok(condition());
}

test("ProcessIo hands output to the log and to every client", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ctr-process-io-"));
  try {
    const log = new JsonLog(join(directory, "log"));
    const process = new FakeProcess({ sinks: [log] });
    const clients = [new FakeClient(), new FakeClient()];
    for (const client of clients) process.io.attach(client);
    process.write(1, "out\n");
    process.write(2, "err\n");
    process.exit();
    await process.io.drained(10_000);
    process.io.end();
    log.close();
    for (const { output, ended } of clients) {
      assert.deepEqual([output, ended], [{ [STDOUT]: "out\n", [STDERR]: "err\n" }, true]);
    }
    const lines = readFileSync(join(directory, "log"), "utf8").trim().split("\n");
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { stream: string }).stream).sort(),
      ["stderr", "stdout"],
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("ProcessIo.attach() to a process that has ended ends at once", async () => {
  const process = new FakeProcess();
  process.exit();
  await process.io.drained(10_000);
  process.io.end();
  const client = new FakeClient();
  process.io.attach(client);
  assert.equal(client.ended, true);
});

test("ProcessIo.drained() gives up on a pipe that somebody keeps open", async () => {
  const process = new FakeProcess();
  const began = Date.now();
  await process.io.drained(50);
  assert.ok(Date.now() - began < 5000);
  process.exit();
});

test("ProcessIo.drained() waits for a client that is slow to read", async () => {
  const process = new FakeProcess();
  const client = new FakeClient();
  client.slow = true;
  process.io.attach(client);
  const text = "x".repeat(60_000);
  let sent = 0;
  while (sent <= 1 << 20) { // then it lags too far, and the process has to wait
    process.write(1, text);
    sent += text.length;
    await until(() => client.output[STDOUT]?.length === sent);
  }
  process.write(1, "the end");
  process.exit();
  let drained = false;
  const done = process.io.drained(20).then(() => drained = true);
  await later(150);
  assert.equal(drained, false);
  assert.equal(client.output[STDOUT]?.length, sent);
  client.catchUp();
  await done;
  assert.ok(client.output[STDOUT]?.endsWith("the end"));
});

test("ProcessIo cuts off a late client that lags when there are others", async () => {
  const process = new FakeProcess();
  const [first, late] = [new FakeClient(), new FakeClient()];
  process.io.attach(first);
  process.io.attach(late);
  late.slow = true;
  const text = "x".repeat(60_000);
  let sent = 0;
  while (!late.closed && sent < 8 << 20) {
    process.write(1, text);
    sent += text.length;
    await until(() => first.output[STDOUT]?.length === sent);
  }
  assert.ok(sent >= 1 << 20 && sent < 2 << 20, `${sent}`);
  assert.equal(first.closed, false);
  process.exit();
  await process.io.drained(10_000);
});

test("ProcessIo passes stdin on and ends it with an empty frame", async () => {
  const process = new FakeProcess({ openStdin: true });
  const attached = process.io.attach(new FakeClient());
  attached.receive(stdioFrame(STDIN, encode("hel")));
  attached.receive(stdioFrame(STDIN, encode("lo")));
  assert.equal(process.read(), "hello");
  attached.receive(stdioFrame(STDIN, NO_BYTES));
  assert.equal(process.read(), "");
  attached.receive(stdioFrame(STDIN, encode("late"))); // ignored, no SIGPIPE, no error
  process.exit();
  await process.io.drained(10_000);
});

test("ProcessIo ends stdin with the first client only where that is asked for", async () => {
  for (const stdinOnce of [true, false]) {
    for (const leave of ["leave", "endInput"] as const) {
      const process = new FakeProcess({ openStdin: true, stdinOnce });
      const first = process.io.attach(new FakeClient());
      const watcher = process.io.attach(new FakeClient());
      watcher.leave();
      first.receive(stdioFrame(STDIN, encode("a")));
      first[leave]();
      assert.equal(process.read(), "a");
      if (stdinOnce) assert.equal(process.read(), "");
      else {
        process.io.attach(new FakeClient()).receive(stdioFrame(STDIN, encode("b")));
        assert.equal(process.read(), "b");
      }
      process.exit();
      await process.io.drained(10_000);
      process.io.end();
    }
  }
});

test("ProcessIo keeps input for a process that does not read, and holds its clients back", async () => {
  const process = new FakeProcess({ openStdin: true });
  const client = new FakeClient();
  const attached = process.io.attach(client);
  const piece = "0123456789abcdef".repeat(4096);
  for (let i = 0; i < 40; i++) attached.receive(stdioFrame(STDIN, encode(piece)));
  attached.receive(stdioFrame(STDIN, NO_BYTES));
  assert.equal(client.paused, true);
  let received = "";
  for (let got = process.read(); got !== ""; got = process.read()) {
    received += got;
    if (received.length < piece.length * 40) await until(() => pending(process) > 0);
  }
  assert.equal(received.length, piece.length * 40);
  assert.equal(received, piece.repeat(40));
  assert.equal(client.paused, false);
  process.exit();
  await process.io.drained(10_000);
});

function pending(process: FakeProcess): number {
  const FIONREAD = 0x541b;
  const count = new Int32Array(1);
  sys(SYS.ioctl, process.stdin, FIONREAD, new Uint8Array(count.buffer));
  return count[0]!;
}
