/**
 * systemd's journal, by its native protocol: a datagram of fields per line.
 *
 * @see https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 * @see https://docs.docker.com/engine/logging/drivers/journald/
 * @module
 */

import { CtrError } from "../../errors.ts";
import type { OutputSink } from "../output_sink.ts";
import type { LogTarget } from "../task_api.ts";
import { Datagrams } from "./datagram.ts";
import { ByteLines } from "./lines.ts";

const SOCKET = "/run/systemd/journal/socket";
/** Docker's: errors and information. */
const PRIORITY = { stdout: 6, stderr: 3 } as const;

/** A container's lines in the journal. */
export class JournaldLog implements OutputSink {
  readonly #socket: Datagrams;
  readonly #lines = { stdout: new ByteLines(), stderr: new ByteLines() };
  readonly #fields: string;

  /** @throws {CtrError} `failed_precondition` where there is no journal */
  constructor({ tag, name, imageName, attrs }: LogTarget, id: string, socket: string = SOCKET) {
    const fields = {
      CONTAINER_ID: id.slice(0, 12),
      CONTAINER_ID_FULL: id,
      CONTAINER_NAME: name,
      CONTAINER_TAG: tag,
      IMAGE_NAME: imageName,
      SYSLOG_IDENTIFIER: tag,
    };
    const more = Object.entries(attrs).map(([key, value]) => [fieldName(key), value] as const);
    this.#fields = [...Object.entries(fields), ...more].map(([key, value]) =>
      `${key}=${value.replaceAll("\n", " ")}\n`
    ).join("");
    try {
      this.#socket = new Datagrams(socket);
    } catch (cause) {
      const reason = "journald is not enabled on this host";
      throw new CtrError({
        code: "failed_precondition",
        operation: "open log",
        subject: "journald",
        reason,
        cause,
      });
    }
  }

  write(stream: "stdout" | "stderr", chunk: Uint8Array): undefined {
    for (const line of this.#lines[stream].push(chunk)) this.#send(stream, line);
  }

  close(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      for (const line of this.#lines[stream].end()) this.#send(stream, line);
    }
    this.#socket.close();
  }

  /** A value with its length may hold anything. */
  #send(stream: "stdout" | "stderr", line: Uint8Array): void {
    const head = new TextEncoder().encode(
      `PRIORITY=${PRIORITY[stream]}\n${this.#fields}MESSAGE\n`,
    );
    const bytes = new Uint8Array(head.length + 8 + line.length + 1);
    bytes.set(head);
    new DataView(bytes.buffer).setBigUint64(head.length, BigInt(line.length), true);
    bytes.set(line, head.length + 8);
    bytes[bytes.length - 1] = 10;
    this.#socket.send(bytes);
  }
}

/** What the journal takes for a name. */
function fieldName(key: string): string {
  return key.toUpperCase().replace(/[^A-Z0-9_]/g, "_").replace(/^_+/, "");
}
