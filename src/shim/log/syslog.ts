/**
 * syslog: a line is a message, by datagram or over a stream.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3164
 * @see https://www.rfc-editor.org/rfc/rfc5424
 * @see https://docs.docker.com/engine/logging/drivers/syslog/
 * @module
 */

import { CtrError } from "../../errors.ts";
import type { OutputSink } from "../output_sink.ts";
import type { LogTarget, SyslogTarget } from "../task_api.ts";
import { Datagrams } from "./datagram.ts";
import { ByteLines } from "./lines.ts";

/** Docker's: errors and information. */
const SEVERITY = { stdout: 6, stderr: 3 } as const;

/** Takes whole messages. */
interface Way {
  send(message: Uint8Array): Promise<void> | undefined;
  close(): void | Promise<void>;
}

/** Open it. @throws {CtrError} `failed_precondition` when nobody takes messages there */
export async function openSyslog({ tag, syslog }: LogTarget): Promise<OutputSink> {
  const way = await openWay(syslog!.address);
  const lines = { stdout: new ByteLines(), stderr: new ByteLines() };
  const send = (stream: "stdout" | "stderr", line: Uint8Array) => {
    const head = new TextEncoder().encode(header(syslog!, { tag, severity: SEVERITY[stream] }));
    const message = new Uint8Array(head.length + line.length + 1);
    message.set(head);
    message.set(line, head.length);
    message[message.length - 1] = 10;
    return way.send(message);
  };
  return {
    write(stream, chunk) {
      let sent: Promise<void> | undefined;
      for (const line of lines[stream].push(chunk)) sent = send(stream, line);
      return sent;
    },
    async close() {
      for (const stream of ["stdout", "stderr"] as const) {
        for (const line of lines[stream].end()) await send(stream, line);
      }
      await way.close();
    },
  };
}

/** What comes before a line. */
export function header(
  { facility, format }: Pick<SyslogTarget, "facility" | "format">,
  { tag, severity, now = new Date() }: {
    readonly tag: string;
    readonly severity: number;
    readonly now?: Date;
  },
): string {
  const priority = `<${facility * 8 + severity}>`;
  const { pid } = process;
  if (format === "rfc5424" || format === "rfc5424micro") {
    const time = format === "rfc5424"
      ? now.toISOString().replace(/\.\d+/, "")
      : now.toISOString().replace("Z", "000Z");
    const host = process.getBuiltinModule("node:os").hostname();
    return `${priority}1 ${time} ${host} ${tag} ${pid} ${tag} - `;
  }
  const [, month, day, , time] = now.toString().split(" ");
  return `${priority}${month} ${String(Number(day)).padStart(2)} ${time} ${tag}[${pid}]: `;
}

async function openWay(address: string): Promise<Way> {
  const [, protocol, rest = ""] = /^([a-z]+):\/\/(.*)$/.exec(address) ?? [];
  try {
    switch (protocol) {
      case "unixgram":
        return datagramWay(rest);
      case "unix":
        try {
          return datagramWay(rest);
        } catch {
          return await streamWay({ path: rest }); // some listen for streams there
        }
      case "udp":
        return udpWay(hostAndPort(rest));
      default:
        return await streamWay(hostAndPort(rest));
    }
  } catch (cause) {
    throw new CtrError({
      code: "failed_precondition",
      operation: "open log",
      subject: "syslog",
      reason: `nobody takes messages at ${address}`,
      cause,
    });
  }
}

function datagramWay(path: string): Way {
  const socket = new Datagrams(path);
  return { send: (message) => void socket.send(message), close: () => socket.close() };
}

async function streamWay(
  where: { readonly path: string } | { readonly host: string; readonly port: number },
): Promise<Way> {
  const { connect } = process.getBuiltinModule("node:net");
  const socket = connect(where);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {}); // its lines are lost, the container is not
  return {
    send: (message) => {
      if (socket.destroyed || socket.write(message)) return undefined;
      return new Promise((resolve) => {
        socket.once("drain", resolve);
        socket.once("close", () => resolve());
      });
    },
    close: () => new Promise((resolve) => socket.destroyed ? resolve() : socket.end(resolve)),
  };
}

function udpWay({ host, port }: { readonly host: string; readonly port: number }): Way {
  const { createSocket } = process.getBuiltinModule("node:dgram");
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.on("error", () => {});
  return {
    send: (message) => new Promise((resolve) => socket.send(message, port, host, () => resolve())),
    close: () => void socket.close(),
  };
}

function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  return { host: v6 ?? name ?? "localhost", port: Number(port ?? 514) };
}
