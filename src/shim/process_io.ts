/**
 * The stdio of one process: pipes or a pty on its side, a log and any number of attached clients on
 * ours. The process never gets a descriptor of a client: what is open in a container can be opened
 * again through `/proc/self/fd`, with other flags.
 *
 * @module
 */

import { chunks, type Connection, sys } from "../../ffi/mod.ts";
import { call, close, open, pipe, setNonblocking, SYS } from "../program/mod.ts";
import type { Stdio } from "../runtime/mod.ts";
import type { OutputSink } from "./output_sink.ts";
import type { StdinFifo } from "./stdin_fifo.ts";
import { StdinQueue } from "./stdin_queue.ts";
import { STDERR, STDIN, stdioFrame, StdioReader, STDOUT } from "./stdio_frames.ts";

/** A client may lag this many bytes behind, as in Docker. */
const MAX_LAG = 1 << 20;
const TIOCSWINSZ = 0x5414;
const F_DUPFD_CLOEXEC = 1030;

/** Streams of a process beside those of attached clients. */
export interface OpenStdio {
  /** Where its output goes, whoever is attached. */
  readonly sinks: readonly OutputSink[];
  /** Where its input comes from. */
  readonly input?: StdinFifo | undefined;
  /** Whose its pipes are; default: root's. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** How to wire a process. */
export interface IoOptions extends OpenStdio {
  readonly terminal: boolean;
  /** The terminal is behind pipes. */
  readonly relaysTerminal?: boolean;
  readonly openStdin: boolean;
  /** End its stdin when the client that writes to it goes. */
  readonly stdinOnce: boolean;
  /** Read ends of pipes, when the process runs already: those of stdout and stderr. */
  readonly output?: readonly [number, number];
}

/** An attached client, as the server feeds it. */
export interface Attached {
  /** Frames from the client. @throws {RangeError} when they are none */
  receive(bytes: Uint8Array): void;
  /** The client will write no more. */
  endInput(): void;
  /** It is gone. */
  leave(): void;
}

interface Client {
  readonly connection: Connection;
  /** It was there before any other: the one that the process was started for. */
  readonly first: boolean;
  lag: number;
  wrote: boolean;
}

/** One process's stdio. */
export class ProcessIo {
  readonly #options: IoOptions;
  readonly #clients = new Set<Client>();
  #hadClient = false;
  readonly #firstClient = Promise.withResolvers<void>();
  #over = false;
  #childEnds: number[] = [];
  #output: [number, "stdout" | "stderr"][] = [];
  #stdin: StdinQueue | undefined;
  /** Set while its input is full. */
  #stdinRoom: PromiseWithResolvers<void> | undefined;
  #finished: Promise<unknown> = Promise.resolve();
  #received = 0;
  #waitingForClients = 0;
  /** Called when the process's input has ended. */
  onStdinEnd: () => void = () => {};
  /** The descriptors for the runtime; unused with a terminal, or where the process has its own. */
  readonly stdio: Stdio;

  constructor(options: IoOptions) {
    this.#options = options;
    const { relaysTerminal = false } = options;
    if ((options.terminal && !relaysTerminal) || options.output !== undefined) {
      this.stdio = { stdin: -1, stdout: -1, stderr: -1 };
      const [stdout, stderr] = options.output ?? [];
      if (stdout !== undefined) this.#output = [[stdout, "stdout"], [stderr!, "stderr"]];
      return;
    }
    let stdin: number;
    if (options.openStdin) {
      const [read, write] = pipe();
      setNonblocking(write);
      stdin = read;
      this.#setStdin(write);
    } else stdin = open("/dev/null", 0);
    const [outRead, stdout] = pipe();
    const [errRead, stderr] = pipe();
    setNonblocking(outRead);
    setNonblocking(errRead);
    this.#childEnds = [stdin, stdout, stderr];
    const { uid, gid } = options.owner ?? { uid: 0, gid: 0 };
    if (uid + gid > 0) {
      for (const fd of options.openStdin ? this.#childEnds : [stdout, stderr]) {
        call("fchown", "pipe", fd, uid, gid);
      }
    }
    this.#output = [[outRead, "stdout"], [errRead, "stderr"]];
    this.stdio = { stdin, stdout, stderr };
  }

  /** Of a process that runs already, without an input: the read ends of stdout and stderr. */
  static of(output: readonly [number, number], sinks: readonly OutputSink[]): ProcessIo {
    return new ProcessIo({ terminal: false, openStdin: false, stdinOnce: true, sinks, output });
  }

  /** The process exists: close its ends here and begin to pump. */
  begin(console: number | undefined): void {
    for (const fd of this.#childEnds) close(fd);
    this.#childEnds = [];
    if (console !== undefined) {
      setNonblocking(console);
      this.#output = [[console, "stdout"]];
      this.#setStdin(call("fcntl", "terminal", console, F_DUPFD_CLOEXEC, 0));
    }
    const kind = console === undefined ? "pipe" : "pty";
    this.#finished = Promise.all(
      this.#output.map(([fd, stream]) => this.#pump(fd, stream, kind).catch(() => {})),
    );
    this.#output = [];
    this.#options.input?.begin({
      write: (chunk) => {
        this.#stdin?.write(chunk);
        return this.#stdinRoom?.promise;
      },
      end: () => {
        if (!this.#options.terminal) this.#stdin?.end();
      },
    });
  }

  /**
   * Begin to pump as soon as the client is there that the process was started for: what comes before
   * is for it, too.
   *
   * @param clientLeft resolves when that client is gone
   */
  beginWithClient(clientLeft: Promise<void>): void {
    this.#finished = Promise.race([this.#firstClient.promise, clientLeft]).then(() => {
      this.begin(undefined);
      return this.#finished;
    });
  }

  /** The process never came to be. */
  abandon(): void {
    this.#options.input?.close();
    for (const fd of this.#childEnds) close(fd);
    for (const [fd] of this.#output) close(fd);
    this.#childEnds = [];
    this.#output = [];
    this.#stdin?.close();
  }

  /** A client is there: output goes to it, and what it sends comes here. */
  attach(connection: Connection): Attached {
    const client: Client = { connection, first: !this.#hadClient, lag: 0, wrote: false };
    this.#hadClient = true;
    this.#firstClient.resolve();
    if (this.#over) connection.end();
    else this.#clients.add(client);
    const reader = new StdioReader();
    // Docker's rule for a terminal: the shell in it stays when the client goes.
    const endOnce = () => {
      if (!this.#options.stdinOnce || this.#options.terminal) return;
      if (client.first || client.wrote) this.#stdin?.end();
    };
    return {
      receive: (bytes) =>
        reader.push(bytes, (stream, data) => {
          if (stream !== STDIN) return;
          client.wrote = true;
          if (data.length === 0) this.#stdin?.end();
          else this.#stdin?.write(data);
        }),
      endInput: endOnce,
      leave: () => {
        if (this.#clients.delete(client)) endOnce();
      },
    };
  }

  /** No more input: the process reads end of file once it has read the rest. */
  endStdin(): void {
    if (this.#options.input === undefined) this.#stdin?.end();
    else this.#options.input.endInput();
  }

  resize(width: number, height: number): void {
    const fd = this.#stdin?.fd;
    if (!this.#options.terminal || fd === undefined) return;
    const size = new Uint8Array(new Uint16Array([height, width, 0, 0]).buffer);
    sys(SYS.ioctl, fd, TIOCSWINSZ, size);
  }

  /**
   * Resolves when all output was read and handed on, or, where a process that lives on keeps the
   * pipe open, when none has come for a while. A client that is slow to read does not count as that.
   */
  async drained(graceMs: number): Promise<void> {
    for (const sink of this.#options.sinks) sink.ending?.();
    while (true) {
      const before = this.#received;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const quiet = new Promise<false>((resolve) => {
        timer = setTimeout(() => resolve(false), graceMs);
      });
      const done = await Promise.race([this.#finished.then(() => true), quiet]);
      clearTimeout(timer);
      if (done || (this.#received === before && this.#waitingForClients === 0)) return;
    }
  }

  /** All output was seen: resolves when it is where it belongs. */
  async closeSinks(): Promise<void> {
    for (const sink of this.#options.sinks) await sink.close();
  }

  /** Let the clients read end of file. */
  end(): void {
    this.#over = true;
    this.#options.input?.close();
    this.#stdin?.close();
    for (const { connection } of this.#clients) connection.end();
    this.#clients.clear();
  }

  #setStdin(fd: number): void {
    const onFull = (full: boolean) => {
      if (full) this.#stdinRoom ??= Promise.withResolvers();
      else {
        this.#stdinRoom?.resolve();
        this.#stdinRoom = undefined;
      }
      for (const { connection } of this.#clients) {
        if (full) connection.pause();
        else connection.resume();
      }
    };
    this.#stdin = new StdinQueue(fd, this.#options.terminal, onFull, () => this.onStdinEnd());
  }

  async #pump(fd: number, stream: "stdout" | "stderr", kind: "pipe" | "pty"): Promise<void> {
    const number = stream === "stdout" ? STDOUT : STDERR;
    for await (const chunk of chunks(fd, kind)) {
      this.#received++;
      const slow = this.#clients.size === 0 ? [] : this.#send(stdioFrame(number, chunk));
      for (const sink of this.#options.sinks) {
        const full = sink.write(stream, chunk);
        if (full !== undefined) slow.push(full);
      }
      if (slow.length === 0) continue;
      this.#waitingForClients++;
      await Promise.all(slow);
      this.#waitingForClients--;
    }
  }

  /**
   * Hand output to the clients. The process waits for one that lags too far, as it would for a pipe;
   * but where others are attached, one that joined later is cut off instead.
   */
  #send(frame: Uint8Array): Promise<void>[] {
    const slow: Promise<void>[] = [];
    for (const client of this.#clients) {
      const sent = client.connection.write(frame);
      if (sent === undefined) {
        client.lag = 0;
        continue;
      }
      client.lag += frame.length;
      if (client.lag <= MAX_LAG) continue;
      if (client.first || this.#clients.size === 1) {
        slow.push(sent.then(() => void (client.lag = 0)));
      } else client.connection.close();
    }
    return slow;
  }
}
