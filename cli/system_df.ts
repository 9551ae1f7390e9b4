/**
 * `ctr system df`.
 *
 * @module
 */

import { housekeeping, type ImagesUsage } from "../src/image/mod.ts";
import { type ContainerSummary, list, prune } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { containerRow } from "./container_row.ts";
import { type Columns, FORMAT_HELP, formatRows, type Row } from "./format.ts";
import { humanSize } from "./humanize.ts";
import { imageRows } from "./image_rows.ts";

const COLUMNS: Columns = {
  Type: "TYPE",
  TotalCount: "TOTAL",
  Active: "ACTIVE",
  Size: "SIZE",
  Reclaimable: "RECLAIMABLE",
};

const IMAGE_COLUMNS: Columns = {
  Repository: "REPOSITORY",
  Tag: "TAG",
  ID: "IMAGE ID",
  CreatedSince: "CREATED",
  Size: "SIZE",
  SharedSize: "SHARED SIZE",
  UniqueSize: "UNIQUE SIZE",
  Containers: "CONTAINERS",
};

const CONTAINER_COLUMNS: Columns = {
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Command: "COMMAND",
  LocalVolumes: "LOCAL VOLUMES",
  Size: "SIZE",
  RunningFor: "CREATED",
  Status: "STATUS",
  Names: "NAMES",
};

interface Usage {
  readonly images: ImagesUsage;
  readonly containers: readonly {
    readonly summary: ContainerSummary;
    readonly size: number;
    readonly stopped: boolean;
  }[];
}

export const command = define({
  name: "system df",
  usage: "[OPTIONS]",
  summary: "Show disk usage",
  args: [0, 0],
  flags: {
    "format": { type: "string", help: FORMAT_HELP },
    "verbose": { type: "bool", short: "v", help: "Show detailed information on space usage" },
  },
}, async (context, { flags: { format, verbose } }) => {
  const engine = context.engine();
  const { imagesUsage } = await housekeeping();
  const { listContainers } = await list();
  const { containerSize, isStopped } = await prune();
  const containers = await Promise.all(
    (await listContainers(engine)).map(async (summary) => ({
      summary,
      size: await containerSize(engine, summary.record),
      stopped: isStopped(summary),
    })),
  );
  const usage = { images: await imagesUsage(engine), containers };
  if (!verbose) {
    context.out(formatRows(summaryRows(usage), { format, columns: COLUMNS, quiet: false }));
    return 0;
  }
  const [images, rows] = [imageDetails(usage), containerDetails(usage)];
  if (format !== undefined && format !== "table") {
    const { renderTemplate } = await import("./template.ts");
    const all = { Images: images, Containers: rows };
    const text = format === "json"
      ? JSON.stringify(all)
      : renderTemplate(format, all, { strict: true });
    context.out(`${text}\n`);
    return 0;
  }
  const table = (rows: readonly Row[], columns: Columns) =>
    formatRows(rows, { format: undefined, columns, quiet: false });
  context.out(`Images space usage:\n\n${table(images, IMAGE_COLUMNS)}\n`);
  context.out(`Containers space usage:\n\n${table(rows, CONTAINER_COLUMNS)}`);
  return 0;
});

function summaryRows({ images, containers }: Usage): Row[] {
  const row = (
    Type: string,
    counts: { readonly total: number; readonly active: number },
    { size, reclaimable }: { readonly size: number; readonly reclaimable: number },
  ): Row => {
    const share = size === 0 ? "" : ` (${Math.floor(reclaimable * 100 / size)}%)`;
    return {
      Type,
      TotalCount: String(counts.total),
      Active: String(counts.active),
      Size: humanSize(size),
      Reclaimable: `${humanSize(reclaimable)}${share}`,
    };
  };
  const total = (of: readonly { readonly size: number }[]): number =>
    of.reduce((sum, { size }) => sum + size, 0);
  const stopped = containers.filter((one) => one.stopped);
  return [
    row("Images", {
      total: images.images.length,
      active: images.images.filter(({ containers }) => containers > 0).length,
    }, images),
    row("Containers", {
      total: containers.length,
      active: containers.length - stopped.length,
    }, { size: total(containers), reclaimable: total(stopped) }),
  ];
}

function imageDetails({ images }: Usage): Row[] {
  const now = Date.now();
  return images.images.flatMap(({ image, containers, shared, size }) =>
    imageRows(image, { whole: false, now }).map((row) => ({
      ...row,
      Size: humanSize(size),
      SharedSize: humanSize(shared),
      UniqueSize: humanSize(size - shared),
      Containers: String(containers),
    }))
  );
}

function containerDetails({ containers }: Usage): Row[] {
  const now = Date.now();
  return containers.map(({ summary, size }) => ({
    ...containerRow(summary, { whole: false, now }),
    Size: humanSize(size),
  }));
}
