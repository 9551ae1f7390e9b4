/**
 * `--help` in Docker's layout.
 *
 * @module
 */

import { COMMANDS, GROUPS, resolve } from "./commands.ts";
import type { Flag, Flags, Spec } from "./flags.ts";
import { UsageError } from "./flags.ts";
import { GLOBAL } from "./main.ts";
import { RUN_HELP } from "./run_help.ts";

const WIDTH = 80;

/** The help of one command. */
export function helpText(spec: Spec): string {
  const names = aliases(spec.name);
  return `Usage:  ctr ${spec.name} ${spec.usage}\n\n${spec.summary}\n` +
    (names.length === 0 ? "" : `\nAliases:\n  ${[...names, `ctr ${spec.name}`].join(", ")}\n`) +
    optionsText("Options", spec.flags);
}

/** Other names of a command: `ctr container ls` for `ps`. */
export function aliases(command: string): string[] {
  return Object.entries(GROUPS).flatMap(([group, names]) =>
    Object.keys(names).filter((name) => resolve(names[name]!).name === command)
      .map((name) => `${group} ${name}`)
  ).filter((name) => name !== command).map((name) => `ctr ${name}`);
}

/** The help of everything, or of a group of commands. */
export async function overview(group: string | undefined): Promise<string> {
  const names = group === undefined ? topLevel() : Object.keys(GROUPS[group]!);
  const lines = await Promise.all(names.map(async (name) => {
    const command = group === undefined ? name : resolve(GROUPS[group]![name]!).name;
    const { spec } = (await COMMANDS[command]!()).command;
    return `  ${name.padEnd(10)}  ${spec.summary}`;
  }));
  const prefix = group === undefined ? "ctr" : `ctr ${group}`;
  const usage = group === undefined ? GLOBAL.usage : "COMMAND";
  const about = group === undefined ? GLOBAL.summary : ABOUT[group] ?? "";
  return `Usage:  ${prefix} ${usage}\n\n${about}\n\nCommands:\n${lines.join("\n")}\n` +
    (group === undefined ? optionsText("Global Options", GLOBAL.flags) : "") +
    `\nRun '${prefix} COMMAND --help' for more information on a command.\n`;
}

function topLevel(): string[] {
  return Object.keys(COMMANDS).filter((name) => !name.includes(" "));
}

const ABOUT: Readonly<Record<string, string>> = {
  container: "Manage containers",
  image: "Manage images",
  network: "Manage networks",
  manifest: "Manage Docker image manifests and manifest lists",
  system: "Manage ctr",
};

/** Docker's commands that are not here yet. */
export const MISSING_COMMANDS: readonly string[] =
  ("build builder buildx checkpoint compose config context cp events " +
    "node plugin secret service stack swarm trust update volume").split(" ");

const MISSING_OF_GROUPS =
  /^(?:manifest (?:annotate|create|push|rm)|image (?:build|(?:de|en)crypt))$/;

/** The error for a command that there is not. */
export function unknownCommand(words: string): UsageError {
  const [first = "", second] = words.split(" ") as [string, string?];
  const last = second ?? first;
  if (MISSING_COMMANDS.includes(last) || MISSING_OF_GROUPS.test(words)) {
    const reason = "it is not supported yet";
    return new UsageError({ command: words, code: "not_implemented", reason, exitCode: 1 });
  }
  const known = second === undefined
    ? [...topLevel(), ...Object.keys(GROUPS)]
    : Object.keys(GROUPS[first]!);
  return new UsageError({
    command: second === undefined ? "" : first,
    reason: `unknown command: ${last}`,
    exitCode: 1,
    unknown: { word: last, known },
  });
}

function optionsText(title: string, flags: Flags): string {
  const names = Object.keys(flags).filter((name) => !flags[name]!.hidden).sort();
  if (names.length === 0) return "";
  const left = names.map((name) => flagText(name, flags[name]!));
  const width = Math.max(...left.map((text) => text.length)) + 5;
  const lines = names.map((name, index) =>
    wrap(helpOf(name, flags[name]!), WIDTH - width).map((line, at) =>
      `${(at === 0 ? `  ${left[index]}` : "").padEnd(width)}${line}`
    ).join("\n")
  );
  return `\n${title}:\n${lines.join("\n")}\n`;
}

/** `-m, --memory bytes`. */
export function flagText(name: string, { short, type, value }: Flag): string {
  const kind = type === "bool" ? "" : ` ${value ?? type}`;
  return `${short === undefined ? "    " : `-${short}, `}--${name}${kind}`;
}

/** The help with the default value, where that says something. */
export function helpOf(
  name: string,
  { help = RUN_HELP[name] ?? "", default: value }: Flag,
): string {
  if (value === undefined || value === false) return help;
  return `${help} (default ${JSON.stringify(value)})`;
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > Math.max(24, width)) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
