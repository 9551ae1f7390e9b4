/**
 * `--format`: JSON lines or a template per row.
 *
 * @module
 */

import { renderTemplate } from "./template.ts";
import { table } from "./humanize.ts";

/** Each row in the given format, one line each. `table TEMPLATE` adds a header. */
export function formatRows(format: string, rows: readonly Record<string, unknown>[]): string {
  if (format === "json") return rows.map((row) => JSON.stringify(row) + "\n").join("");
  const tabular = /^table\s+(.*)$/s.exec(format);
  if (tabular === null) return rows.map((row) => renderTemplate(format, row) + "\n").join("");
  const template = tabular[1]!.replaceAll("\\t", "\t");
  const header = [...template.matchAll(/\{\{\s*\.(\w+)[^}]*\}\}/g)].map(([, name]) =>
    name!.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toUpperCase()
  );
  const cells = rows.map((row) => renderTemplate(template, row).split("\t"));
  return table(header, cells.map((row) => header.map((_, index) => row[index] ?? "")));
}
