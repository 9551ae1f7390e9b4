/**
 * Writes `docs/cli.md` from the tables that the command line is parsed with. Run by `npm run docs`;
 * with `--print` it goes to stdout.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../cli/commands.ts";
import { aliases, flagText, helpOf, MISSING_COMMANDS } from "../cli/help.ts";
import { GLOBAL } from "../cli/main.ts";

/** As `deno fmt` wraps prose. */
const WIDTH = 100;

async function reference() {
  const specs = await Promise.all(
    Object.values(COMMANDS).map(async (load) => (await load()).command.spec),
  );
  const commands = table(
    ["command", "what it does"],
    specs.map((
      { name, summary },
    ) => [`[\`${name}\`](#ctr-${name.replace(" ", "-")})`, cell(summary)]),
  );
  const absent = MISSING_COMMANDS.map((name) => `\`${name}\``).join(", ");
  return [
    "<!-- Made by docs/generate.mjs (npm run docs) from the command line's own tables. -->",
    "# The command line",
    "`ctr [OPTIONS] COMMAND [ARG...]`",
    paragraph(
      "Names, flags, defaults and output are Docker's; flags marked _ctr_ are our own. A flag or a " +
        "command of Docker's that is not here yet is an error that says so. After the first " +
        "argument of `run`, `create` and `exec`, flags belong to the container.",
    ),
    paragraph(
      "`run` and `exec` exit with the container's exit code, or 128 plus the number of the signal " +
        "that ended it; 126 when the command cannot be executed, 127 when it is not found. A " +
        "mistake in the flags, and whatever else keeps `run` from starting, is 125; any other " +
        "command that fails exits with 1.",
    ),
    "## Commands",
    ...commands,
    paragraph(`Not here yet: ${absent}.`),
    "## Options before the command",
    ...options(GLOBAL),
    ...specs.flatMap(section),
  ].join("\n\n") + "\n";
}

function section(spec) {
  const longer = aliases(spec.name).map((name) => `\`${name}\``);
  return [
    `## ctr ${spec.name}`,
    `\`ctr ${spec.name} ${spec.usage}\``,
    paragraph(`${spec.summary}.${longer.length === 0 ? "" : ` Also ${longer.join(", ")}.`}`),
    ...options(spec),
  ];
}

function options({ flags, missing = [] }) {
  const names = Object.keys(flags).filter((name) => !flags[name].hidden).sort();
  const rows = names.map((name) => [
    `\`${flagText(name, flags[name]).trim()}\``,
    flags[name].ours ? "ctr" : "Docker",
    cell(helpOf(name, flags[name])),
  ]);
  const absent = missing.flatMap((entry) => {
    const [long, short] = entry.split(",");
    return [...short === undefined ? [] : [`\`-${short}\``], `\`--${long}\``];
  });
  return [
    ...table(["option", "whose", "what it does"], rows),
    ...absent.length === 0 ? [] : [paragraph(`Not here yet: ${absent.join(", ")}.`)],
  ];
}

/** Columns as wide as their widest cell, as `deno fmt` wants them; nothing for no rows. */
function table(head, rows) {
  if (rows.length === 0) return [];
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at].length)));
  const line = (row) => `| ${row.map((text, at) => text.padEnd(widths[at])).join(" | ")} |`;
  return [
    [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n"),
  ];
}

/** Text that Markdown takes for nothing but text. */
function cell(text) {
  return text.replace(/[|<*`\\]/g, "\\$&");
}

/** Lines of words; what is between backticks is one. */
function paragraph(text) {
  const lines = [""];
  for (const word of text.match(/(?:`[^`]*`|\S)+/g)) {
    const line = lines.at(-1);
    if (line !== "" && line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.join("\n");
}

const text = await reference();
if (process.argv.includes("--print")) process.stdout.write(text);
else writeFileSync(join(import.meta.dirname, "cli.md"), text);
