/**
 * Lists as `--format` wants them: a table, JSON lines, or a template per row.
 *
 * @module
 */

import type { Context } from "./command.ts";
import { table } from "./humanize.ts";
import { renderTemplate } from "./template.ts";

/** A row's fields, by the names that templates use; functions are for templates only. */
export type Row = Readonly<Record<string, string | ((argument: unknown) => string)>>;

/** Field names and the headings above them. */
export type Columns = Readonly<Record<string, string>>;

/** The help of `--format` for lists. */
export const FORMAT_HELP =
  'Format output: "table" (default), "table TEMPLATE", "json", or a Go template';

/** The help of `--format` for single things. */
export const FORMAT_ONE_HELP = 'Format output: "json" or a Go template';

/** All rows as text. */
export function formatRows(
  rows: readonly Row[],
  { format = "table", columns, quiet }: {
    readonly format: string | undefined;
    readonly columns: Columns;
    readonly quiet: boolean;
  },
): string {
  const lines = (texts: readonly unknown[]) => texts.map((text) => `${text}\n`).join("");
  if (quiet) return lines([...new Set(rows.map((row) => row["ID"]))]);
  if (format === "json") return lines(rows.map((row) => JSON.stringify(row)));
  const tabular = /^table(\s+(.*))?$/s.exec(format);
  if (tabular === null) {
    return lines(rows.map((row) => renderTemplate(format, row, { strict: true })));
  }
  const template = tabular[2];
  if (template === undefined) {
    const fields = Object.keys(columns);
    return table(Object.values(columns), rows.map((row) => fields.map((name) => `${row[name]}`)));
  }
  const cells = rows.map((row) => renderTemplate(template, row, { strict: true }).split("\t"));
  return table(headings(template, columns), cells);
}

/** Print a list; as in Docker, `--quiet` wins over `--format`. */
export function printRows(
  context: Pick<Context, "out" | "err">,
  rows: readonly Row[],
  options: Parameters<typeof formatRows>[1],
): void {
  if (options.quiet && !["table", undefined].includes(options.format)) {
    context.err("WARNING: Ignoring custom format, because both --format and --quiet are set.\n");
  }
  context.out(formatRows(rows, options));
}

/** The headings for a table's template: its own columns, with each field replaced by its name. */
function headings(template: string, columns: Columns): string[] {
  return template.replaceAll("\\t", "\t").split("\t").map((cell) =>
    cell.replace(/\{\{.*?\}\}/g, (action) => {
      const label = /\.Label\s+"([^"]*)"/.exec(action);
      if (label !== null) return label[1]!.split(".").at(-1)!;
      const name = /\.(\w+)/.exec(action)?.[1];
      if (name === undefined) return "";
      return columns[name] ?? name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toUpperCase();
    })
  );
}

/** One thing, as JSON or through a template. */
export function formatOne(format: string, value: unknown): string {
  return `${format === "json" ? JSON.stringify(value) : renderTemplate(format, value)}\n`;
}
