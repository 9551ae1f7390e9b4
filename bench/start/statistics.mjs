/**
 * Medians, percentiles and the table.
 *
 * @module
 */

/** @param {readonly number[]} times milliseconds */
export function summarize(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return {
    median: round(at(0.5)),
    p95: round(at(0.95)),
    p99: round(at(0.99)),
    min: round(sorted[0]),
    runs: sorted.length,
  };
}

const PEERS = ["runc run", "crun run", "podman run", "docker run"];

/** Rows with the ratio to each peer that the budgets name. */
export function table(rows, { title, what = "whole process", peers: named = PEERS }) {
  const peers = named
    .map((name) => rows.find((row) => row.name === name)).filter((row) => row !== undefined);
  const head = [
    what,
    "median ms",
    "p95",
    "p99",
    "min",
    ...peers.map(({ name }) => `/ ${name.split(" ")[0]}`),
    "version",
  ];
  const body = rows.map((row) => [
    row.note === undefined ? row.name : `${row.name} (${row.note})`,
    row.median.toFixed(1),
    row.p95.toFixed(1),
    row.p99.toFixed(1),
    row.min.toFixed(1),
    ...peers.map((peer) => (row.median / peer.median).toFixed(2)),
    row.version,
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((cells) => cells[i].length)));
  const line = (cells) =>
    `| ${
      cells.map((cell, i) =>
        i === 0 || i === cells.length - 1 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])
      ).join(" | ")
    } |`;
  return [
    title,
    "",
    line(head),
    `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`,
    ...body.map(line),
    "",
  ].join("\n");
}

function round(ms) {
  return Math.round(ms * 100) / 100;
}
