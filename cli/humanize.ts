/**
 * Times and sizes as Docker prints them.
 *
 * @see https://github.com/docker/go-units
 * @module
 */

/** `5 minutes`: Docker's words for a length of time. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / 3600 / 24 / 365)} years`;
}

/** `2026-11-21 01:00:26 +0000 UTC`, in local time. */
export function humanMoment(ms: number): string {
  const offset = -new Date(ms).getTimezoneOffset();
  const local = new Date(ms + offset * 60_000).toISOString();
  const two = (number: number) => String(Math.floor(number)).padStart(2, "0");
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}${
    two(Math.abs(offset) % 60)
  }`;
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${zone} ${offset === 0 ? "UTC" : zone}`;
}

/** `12.3MB`: powers of 1000, three digits unless told otherwise. */
export function humanSize(bytes: number, digits = 3): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    unit++;
  }
  return `${significant(bytes, digits)}${units[unit]}`;
}

/** `1.5GiB`: powers of 1024, four digits. */
export function binarySize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${significant(bytes, 4)}${units[unit]}`;
}

/** As C's `%.3g`, without an exponent. */
function significant(value: number, digits: number): string {
  return String(Number(value.toPrecision(Math.max(digits, Math.floor(value).toString().length))));
}

/** Columns three spaces apart, the last one as it is. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const columns = Math.max(...all.map((row) => row.length));
  const widths = Array.from(
    { length: columns },
    (_, column) => Math.max(...all.map((row) => width(row[column] ?? ""))),
  );
  return all.map((row) =>
    row.map((cell, column) =>
      column === row.length - 1 ? cell : cell + " ".repeat(widths[column]! - width(cell) + 3)
    ).join("") + "\n"
  ).join("");
}

/** Characters, not UTF-16 units. */
function width(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : [...text].length;
}
