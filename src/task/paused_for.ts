/**
 * A container is paused while it is committed. When the process that does it dies, or is interrupted,
 * whoever looks at the container next lets it go on: a file in its directory, locked by that process,
 * says why it is paused.
 *
 * @module
 */

import { rmSync } from "node:fs";
import { isNotFound } from "../errors.ts";
import { tryLockFile } from "../program/mod.ts";
import { ShimClient } from "../shim/mod.ts";
import type { Engine } from "./engine.ts";
import { execDir, pauseMark } from "./place.ts";

/** Do something while a running container is paused. */
export async function whilePaused<T>(
  engine: Engine,
  id: string,
  work: () => Promise<T>,
): Promise<T> {
  const path = pauseMark(engine.directories, id);
  const mark = tryLockFile(path, { create: true });
  if (typeof mark === "string") return await work(); // somebody else has paused it for the same
  try {
    await call(engine, id, "Pause");
    try {
      return await work();
    } finally {
      await call(engine, id, "Resume").catch((error) => {
        if (!isNotFound(error)) throw error; // it was removed meanwhile
      });
    }
  } finally {
    rmSync(path, { force: true });
    mark.release();
  }
}

/** Let a paused container go on if who paused it is no more. @returns whether it goes on. */
export async function resumeAbandoned(engine: Engine, id: string): Promise<boolean> {
  const path = pauseMark(engine.directories, id);
  const mark = tryLockFile(path);
  if (typeof mark === "string") return false;
  try {
    await call(engine, id, "Resume");
    rmSync(path, { force: true });
    return true;
  } finally {
    mark.release();
  }
}

async function call(engine: Engine, id: string, method: "Pause" | "Resume"): Promise<void> {
  const shim = await ShimClient.to(execDir(engine.directories, id));
  try {
    await shim.call(method, { id });
  } finally {
    shim.close();
  }
}
