/**
 * `ctr version`.
 *
 * @module
 */

import { arch, runtime } from "../ffi/mod.ts";
import type { Command } from "./command.ts";
import { type Flags, parseFlags } from "./flags.ts";

/** Of this package. */
export const VERSION = "0.1.0";

const FLAGS = {
  "format": { type: "string", short: "f", help: 'Format output with a Go template or "json"' },
} as const satisfies Flags;

export const command: Command = {
  usage: "version [OPTIONS]",
  summary: "Show the version information",
  flags: FLAGS,
  async run(context, argv) {
    const { flags } = parseFlags("version", FLAGS, argv);
    const versions: Readonly<Record<string, string | undefined>> = process.versions;
    const engine = versions[runtime] ?? "";
    const client = {
      Version: VERSION,
      Runtime: runtime,
      RuntimeVersion: engine,
      Os: "linux",
      Arch: arch === "x86_64" ? "amd64" : "arm64",
      OciSpec: "1.2.0",
    };
    if (flags.format !== undefined) {
      const { formatRows } = await import("./format.ts");
      context.out(formatRows(flags.format, [{ Client: client }]));
      return 0;
    }
    context.out(
      `Client: ctr\n Version:    ${client.Version}\n Runtime:    ${client.Runtime} ${client.RuntimeVersion}\n` +
        ` OS/Arch:    ${client.Os}/${client.Arch}\n OCI spec:   ${client.OciSpec}\n`,
    );
    return 0;
  },
};
