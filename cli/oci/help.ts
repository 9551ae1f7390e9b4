/**
 * `--help` of the OCI runtime.
 *
 * @module
 */

import type { Spec } from "../flags.ts";

/** What a command takes, or all commands. */
export function helpText(
  spec: Spec,
  { program, commands }: {
    readonly program: string;
    readonly commands: Readonly<Record<string, unknown>>;
  },
): string {
  const flags = Object.entries(spec.flags).filter(([, { hidden }]) => !hidden)
    .map(([name, { short, type, help }]) => {
      const value = type === "bool" ? "" : " value";
      return `   --${name}${value}${short === undefined ? "" : `, -${short}${value}`}\t${help}`;
    });
  const list = spec.name === ""
    ? ["COMMANDS:", ...Object.keys(commands).map((c) => `   ${c}`)]
    : [];
  return [
    "NAME:",
    `   ${`${program} ${spec.name}`.trim()} - ${spec.summary}`,
    "USAGE:",
    `   ${`${program} ${spec.name}`.trim()} ${spec.usage}`,
    ...list,
    "OPTIONS:",
    ...flags,
    "",
  ].join("\n");
}
