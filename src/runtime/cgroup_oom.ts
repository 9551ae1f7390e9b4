/**
 * Tells when the kernel runs out of a container's memory.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/memory.html#oom-control
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
 * @module
 */

import { CtrError } from "../errors.ts";
import { ERRNO, O } from "../linux/mod.ts";
import {
  call,
  close,
  exists,
  open,
  type Readable,
  readTextIfExists,
  SYS,
  whenReadable,
  writeFile,
} from "../program/mod.ts";
import { sys } from "../../ffi/mod.ts";
import { type CgroupLayout, cgroupLayout, type CgroupPath, directoryIn } from "./cgroup.ts";
import type { OomWatch } from "./types.ts";

/** A descriptor that tells of changes, and what to make of one. */
interface Source {
  readonly fd: number;
  /** There was something to read: whether memory ran out, and whether the cgroup has ended. */
  look(): { readonly oom: boolean; readonly ended: boolean };
}

/**
 * Watch a cgroup. What happens from now on is reported, once for what has happened since the last
 * report was taken, until the cgroup goes or, with version 2, has no process any more.
 *
 * @throws {CtrError} `not_found` when there is no such cgroup, `failed_precondition` without a memory
 * controller
 */
export function watchOom(path: CgroupPath, layout: CgroupLayout = cgroupLayout()): OomWatch {
  const place = layout.version === 2 ? layout.root : layout.controllers.get("memory");
  const directory = place === undefined ? undefined : directoryIn(place, path);
  if (directory === undefined || !exists(directory)) {
    throw new CtrError({
      code: directory === undefined ? "failed_precondition" : "not_found",
      operation: "watch the memory of",
      subject: typeof path === "string" ? path : Object.values(path)[0] ?? "",
      reason: directory === undefined ? "this host has no memory controller" : "no such cgroup",
    });
  }
  const source = layout.version === 2 ? sourceV2(directory) : sourceV1(directory);
  let state: "new" | "running" | "closed" = "new";
  let waiting: Readable | undefined;
  async function* events(): AsyncGenerator<void, void, void> {
    if (state !== "new") return;
    state = "running";
    try {
      while (state === "running") {
        waiting = await whenReadable(source.fd);
        if (state !== "running") waiting.cancel(); // closed meanwhile
        await waiting.ready;
        if (state !== "running") return;
        const { oom, ended } = source.look();
        if (oom) yield;
        if (ended) return;
      }
    } finally {
      state = "closed";
      close(source.fd);
    }
  }
  return {
    events: events(),
    close() {
      if (state === "new") close(source.fd);
      state = "closed";
      waiting?.cancel();
    },
  };
}

/** The kernel adds to an eventfd; it does so too when the cgroup goes. */
function sourceV1(directory: string): Source {
  const fd = call("eventfd2", "out-of-memory counter", 0, O.O_NONBLOCK | O.O_CLOEXEC);
  const control = `${directory}/cgroup.event_control`;
  try {
    const oom = open(`${directory}/memory.oom_control`, O.O_RDONLY);
    try {
      writeFile(control, `${fd} ${oom}`);
    } finally {
      close(oom);
    }
  } catch (error) {
    close(fd);
    throw error;
  }
  return {
    fd,
    look() {
      const counted = new DataView(drain(fd).buffer).getBigUint64(0, true);
      const ended = !exists(control);
      return { oom: counted > (ended ? 1n : 0n), ended };
    },
  };
}

/** Files that change are watched; what they say is compared with what they said. */
function sourceV2(directory: string): Source {
  const IN_MODIFY = 2;
  const fd = call("inotify_init1", "changes", O.O_NONBLOCK | O.O_CLOEXEC);
  const events = `${directory}/memory.events`;
  const populated = `${directory}/cgroup.events`;
  const kills = () => Number(/^oom_kill (\d+)$/m.exec(readIfThere(events) ?? "")?.[1] ?? 0);
  let known = 0;
  try {
    for (const file of [events, populated]) {
      const path = new TextEncoder().encode(`${file}\0`);
      call("inotify_add_watch", file, fd, path, IN_MODIFY);
    }
    known = kills();
  } catch (error) {
    close(fd);
    throw error;
  }
  return {
    fd,
    look() {
      drain(fd);
      const before = known;
      known = kills();
      const ended = !/^populated 1$/m.test(readIfThere(populated) ?? "");
      return { oom: known > before, ended };
    },
  };
}

/** A file of a cgroup that goes while it is read is no error either. */
function readIfThere(path: string): string | undefined {
  try {
    return readTextIfExists(path);
  } catch {
    return undefined;
  }
}

/** Read all there is. @returns the bytes of the last read that had some */
function drain(fd: number): Uint8Array {
  const buffer = new Uint8Array(4096);
  while (true) {
    const result = sys(SYS.read, fd, buffer, buffer.length);
    if (result <= 0 && result !== -ERRNO.EINTR) return buffer;
  }
}
