/**
 * Writes limits to the files of cgroups, in an order that the kernel takes.
 *
 * @module
 */

import { CtrError, type SyscallError } from "../errors.ts";
import { ERRNO, O } from "../linux/mod.ts";
import { close, exists, open, readTextIfExists, syscallError, writeAll } from "../program/mod.ts";
import { missingController } from "./cgroup.ts";

/**
 * A file and what to write to it. Where there is no such file, the third says what to do instead: write
 * to another, or nothing at all; otherwise it is an error.
 */
export type Setting = readonly [
  file: string,
  value: string,
  otherwise?: Setting | "ignore",
];

/** Settings of one directory. */
export interface DirectorySettings {
  readonly directory: string;
  readonly files: readonly Setting[];
}

/** A setting that has found its file. */
export interface PlacedSetting {
  readonly directory: string;
  readonly file: string;
  readonly value: string;
}

const encoder = new TextEncoder();

/**
 * Write all. What the kernel finds to contradict what is there (a period that is too small for the
 * quota, more memory than memory and swap together) is written again when the others are: that needs
 * no knowledge of which has to come first.
 *
 * @param before called before each write
 * @throws {CtrError} `failed_precondition` when a controller is missing
 * @throws {SyscallError} with the file and the value that the kernel did not take
 */
export function writeSettings(
  settings: readonly DirectorySettings[],
  before?: (setting: PlacedSetting) => void,
): void {
  for (const { directory, files } of settings) {
    let rest = files;
    let refusals: SyscallError[] = [];
    while (rest.length > 0) {
      const again: Setting[] = [];
      refusals = [];
      for (const setting of rest) {
        const refusal = writeSetting(directory, setting, before);
        if (refusal === undefined) continue;
        again.push(setting);
        refusals.push(refusal);
      }
      if (again.length === rest.length) throw refusals[0]!;
      rest = again;
    }
  }
}

/** @returns why it may have to wait for others */
function writeSetting(
  directory: string,
  [file, value, otherwise]: Setting,
  before: ((setting: PlacedSetting) => void) | undefined,
): SyscallError | undefined {
  const path = `${directory}/${file}`;
  if ((before !== undefined || otherwise !== undefined) && !exists(path)) {
    if (otherwise === "ignore") return undefined;
    if (otherwise !== undefined) return writeSetting(directory, otherwise, before);
    missingFile(directory, file);
  }
  before?.({ directory, file, value });
  try {
    write(path, value);
    return undefined;
  } catch (error) {
    const { errno, syscall } = error as SyscallError;
    if (errno === undefined) throw error;
    if (!exists(path)) missingFile(directory, file);
    const hint = errno === ERRNO.EBUSY ? usageHint(directory, file) : undefined;
    const refusal = syscallError(syscall, [path, value], errno, {
      operation: `write ${JSON.stringify(value)} to`,
      subject: file,
      ...hint === undefined ? {} : { hint },
    });
    if (errno !== ERRNO.EINVAL) throw refusal;
    return refusal;
  }
}

function write(path: string, value: string): void {
  const fd = open(path, O.O_WRONLY | O.O_TRUNC);
  try {
    writeAll(fd, encoder.encode(value || "\n"), path);
  } finally {
    close(fd);
  }
}

function missingFile(directory: string, file: string): never {
  const there = exists(directory);
  const controllers = readTextIfExists(`${directory}/cgroup.controllers`);
  const controller = file.split(".")[0]!;
  if (there && controllers?.trim().split(" ").includes(controller) === false) {
    missingController(file, controller);
  }
  throw new CtrError({
    code: there ? "failed_precondition" : "not_found",
    operation: "limit",
    subject: file,
    reason: there ? "this kernel has no such limit" : `there is no cgroup ${directory}`,
  });
}

function usageHint(directory: string, file: string): string | undefined {
  if (file !== "memory.limit_in_bytes") return undefined;
  const usage = readTextIfExists(`${directory}/memory.usage_in_bytes`)?.trim();
  return usage === undefined ? undefined : `${usage} bytes are in use`;
}
