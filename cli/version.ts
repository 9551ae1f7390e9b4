/**
 * `ctr version`.
 *
 * @module
 */

import { arch, runtime } from "../ffi/mod.ts";
import { define } from "./command.ts";
import { FORMAT_ONE_HELP } from "./format.ts";

/** Of this package. */
export const VERSION = "0.1.0";

export const command = define({
  name: "version",
  usage: "[OPTIONS]",
  summary: "Show the ctr version information",
  args: [0, 0],
  flags: { "format": { type: "string", short: "f", help: FORMAT_ONE_HELP } },
}, async (context, { flags }) => {
  const { versions }: { versions: Readonly<Record<string, string | undefined>> } = process;
  const engine = {
    Version: VERSION,
    Runtime: runtime,
    RuntimeVersion: versions[runtime] ?? "",
    OciRuntimeSpec: "1.2.0",
    Os: "linux",
    Arch: arch === "x86_64" ? "amd64" : "arm64",
  };
  if (flags.format !== undefined) {
    const { formatOne } = await import("./format.ts");
    // There is no daemon: what answers is what asks.
    context.out(formatOne(flags.format, { Client: engine, Server: engine }));
    return 0;
  }
  const lines = {
    "Version": engine.Version,
    "Runtime": `${engine.Runtime} ${engine.RuntimeVersion}`,
    "OCI runtime spec": engine.OciRuntimeSpec,
    "OS/Arch": `${engine.Os}/${engine.Arch}`,
  };
  context.out(
    `ctr (client and engine are one)\n${
      Object.entries(lines).map(([name, value]) => ` ${`${name}:`.padEnd(18)}${value}\n`).join("")
    }`,
  );
  return 0;
});
