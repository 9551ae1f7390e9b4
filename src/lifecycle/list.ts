/**
 * Lists containers and their processes.
 *
 * @module
 */

import { isNotFound } from "../errors.ts";
import { pidsAt } from "../runtime/mod.ts";
import { findContainer, readRecord } from "./directory.ts";
import { describe } from "./status.ts";
import type { ContainerRef, ContainerState } from "./types.ts";

/** The containers below a root, by id. One that is deleted meanwhile is left out. */
export function listContainers(root: string): ContainerState[] {
  return namesIn(root).sort().flatMap((name) => {
    const directory = `${root}/${name}`;
    const record = readRecord(directory);
    return record === undefined ? [] : [describe({ record, directory })];
  });
}

function namesIn(root: string): string[] {
  const fs = process.getBuiltinModule("node:fs");
  try {
    return fs.readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isNotFound(error) || (error as { code?: string }).code === "ENOENT") return [];
    throw error;
  }
}

/** The processes in a container's cgroups, as the host numbers them. @throws {CtrError} `not_found` */
export async function processesOf(ref: ContainerRef): Promise<number[]> {
  return await pidsAt(findContainer(ref, "list the processes of").record.cgroupsPath);
}
