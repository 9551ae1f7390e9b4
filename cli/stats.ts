/**
 * `ctr stats`.
 *
 * @module
 */

import { type ContainerSummary, list, type Sample, stats } from "../src/task/mod.ts";
import type { ContainerRecord } from "../src/state/mod.ts";
import { type Context, define } from "./command.ts";
import { FORMAT_HELP, formatRows, type Row } from "./format.ts";
import { binarySize, humanSize } from "./humanize.ts";

const COLUMNS = {
  ID: "CONTAINER ID",
  Name: "NAME",
  CPUPerc: "CPU %",
  MemUsage: "MEM USAGE / LIMIT",
  MemPerc: "MEM %",
  NetIO: "NET I/O",
  BlockIO: "BLOCK I/O",
  PIDs: "PIDS",
};

/** Between two looks; what is shown is the mean of the time between them. */
const PERIOD_MS = 1000;

export const command = define({
  name: "stats",
  usage: "[OPTIONS] [CONTAINER...]",
  summary: "Display a live stream of container(s) resource usage statistics",
  args: [0, Infinity],
  flags: {
    "all": { type: "bool", short: "a", help: "Show all containers (default shows just running)" },
    "format": { type: "string", help: FORMAT_HELP },
    "no-stream": {
      type: "bool",
      help: "Disable streaming stats and only pull the first result",
    },
    "no-trunc": { type: "bool", help: "Don't truncate output" },
  },
}, async (context, { flags, args }) => {
  const seen = new Map<string, Sample>();
  await look(context, await wanted(context, args, flags.all), seen);
  while (true) {
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
    const containers = await wanted(context, args, flags.all);
    const rows = await look(context, containers, seen);
    const text = formatRows(rows.map((row) => flags["no-trunc"] ? row : short(row)), {
      format: flags.format,
      columns: COLUMNS,
      quiet: false,
    });
    if (flags["no-stream"]) {
      context.out(text);
      return 0;
    }
    // Every line is cleared before it is written anew, so that nothing flickers, and what is below.
    context.out(`\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[J`);
  }
});

/** The named ones, however they are, or all that run. */
async function wanted(
  context: Context,
  names: readonly string[],
  all: boolean,
): Promise<readonly ContainerRecord[]> {
  const { containers } = context.engine().state;
  if (names.length > 0) return names.map((name) => containers.resolve(name, "show stats of"));
  const running = ({ status }: ContainerSummary) => status === "running" || status === "paused";
  return (await (await list()).listContainers(context.engine()))
    .filter((one) => all || running(one)).map(({ record }) => record);
}

/** Count, and say what was used since the last time. */
async function look(
  context: Context,
  records: readonly ContainerRecord[],
  seen: Map<string, Sample>,
): Promise<Row[]> {
  const { sampleContainer, cpuPercent } = await stats();
  return await Promise.all(records.map(async (record) => {
    // It may end, or be removed, while it is asked.
    const sample = await sampleContainer(context.engine(), record).catch(() => undefined);
    const before = seen.get(record.id);
    if (sample === undefined) seen.delete(record.id);
    else seen.set(record.id, sample);
    return rowOf(record, sample, sample && before ? cpuPercent(before, sample) : 0);
  }));
}

function rowOf({ id, name }: ContainerRecord, sample: Sample | undefined, cpu: number): Row {
  const { memory = 0, memoryLimit = 0, processes = 0 } = sample ?? {};
  const { read = 0, written = 0, received = 0, sent = 0 } = sample ?? {};
  return {
    BlockIO: `${humanSize(read)} / ${humanSize(written)}`,
    CPUPerc: `${cpu.toFixed(2)}%`,
    Container: id,
    ID: id,
    MemPerc: `${(memoryLimit === 0 ? 0 : memory / memoryLimit * 100).toFixed(2)}%`,
    MemUsage: `${binarySize(memory)} / ${binarySize(memoryLimit)}`,
    Name: name,
    NetIO: `${humanSize(received)} / ${humanSize(sent)}`,
    PIDs: String(processes),
  };
}

function short(row: Row): Row {
  return { ...row, ID: String(row["ID"]).slice(0, 12), Container: String(row["ID"]).slice(0, 12) };
}
