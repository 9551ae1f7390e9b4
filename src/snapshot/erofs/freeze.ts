/**
 * From what is in the directory of an active snapshot to what a committed one is made of.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { adoptBlob } from "../../content/mod.ts";
import { ROOT, rootAttributes } from "../overlay.ts";
import type { Usage } from "../types.ts";
import { diskUsage } from "../usage.ts";
import { keepDirectory } from "./keep_directory.ts";
import { BLOB, DATA } from "./labels.ts";
import { readHead, tarFile } from "./layer_files.ts";

/** What is recorded of it. */
export interface Frozen {
  readonly labels: Readonly<Record<string, string>>;
  readonly usage?: Usage;
}

const DEFAULT_ROOT = "755:0:0";

/**
 * A layer that was kept as its tar, which goes into the content store. Its bytes must be on disk.
 *
 * @param known the tar's digest, which is computed where nobody knows it.
 */
export async function freezeLayer(
  directory: string,
  content: string,
  known: string | undefined,
): Promise<Frozen> {
  const { data, root } = readHead(directory);
  const tar = tarFile(directory);
  const digest = known ?? await digestOf(tar);
  adoptBlob(content, digest, tar);
  return {
    labels: { [BLOB]: digest, ...data > 0 && { [DATA]: "yes" }, ...root && { [ROOT]: root } },
  };
}

/** What a container wrote. */
export function freezeDirectory(directory: string, inherited: string | undefined): Frozen {
  const files = `${directory}/fs`;
  const usage = diskUsage([files]);
  keepDirectory(directory, files);
  const root = rootAttributes(files) ?? DEFAULT_ROOT;
  const { data } = readHead(directory);
  return {
    usage,
    labels: {
      ...data > 0 && { [DATA]: "yes" },
      ...root !== (inherited ?? DEFAULT_ROOT) && { [ROOT]: root },
    },
  };
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}
