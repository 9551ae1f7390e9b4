/**
 * Reads `etc/passwd` and `etc/group` of a root file system that is not mounted. All of it is hostile:
 * links, devices, FIFOs and endless files may be there.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { ERRNO, O, S } from "../linux/mod.ts";
import { call, close, O_ARCH, open, openInRoot, readAll, SYS } from "../program/mod.ts";

/** Gives the text of a file, `""` when there is none. */
export type FileReader = (file: "etc/passwd" | "etc/group") => string;

const MAX_FILE = 4 << 20;
/** A FIFO must not hold us, a device must not do anything. */
const READ = O.O_RDONLY | O.O_NONBLOCK | O.O_NOCTTY | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC;

/** What one layer says about a file. */
type Finding = { readonly text: string } | "look below" | "ask the kernel";

/**
 * A reader for the layers of an overlay, topmost first. Plain files in plain directories, the usual
 * case, are read where they are; for the rest, such as a link into another layer, the kernel makes the
 * overlay, mounted nowhere.
 */
export function layerReader(directories: readonly string[]): FileReader {
  return (file) => {
    for (const directory of directories) {
      const found = lookInto(directory, file);
      if (found === "ask the kernel") return askKernel(directories, file);
      if (found !== "look below") return found.text;
    }
    return "";
  };
}

/** A reader for the root of a running process, as the process sees it. */
export function processReader(pid: number): FileReader {
  return (file) => readIn(`/proc/${pid}/root`, file);
}

function lookInto(layer: string, file: string): Finding {
  const [directory, name] = file.split("/") as [string, string];
  const below = open(layer, O.O_PATH | O_ARCH.O_DIRECTORY);
  const etc = sys(SYS.openat, below, path(directory), READ, 0);
  close(below);
  if (etc === -ERRNO.ENOENT) return "look below";
  if (etc < 0) return "ask the kernel";
  try {
    // Whatever overlayfs has to say about a directory or a file is the kernel's to read.
    if (modeOf(etc) !== S.S_IFDIR || marked(etc)) return "ask the kernel";
    const fd = sys(SYS.openat, etc, path(name), READ, 0);
    if (fd === -ERRNO.ENOENT) return "look below";
    if (fd < 0) return "ask the kernel";
    try {
      if (modeOf(fd) !== S.S_IFREG || marked(fd)) return "ask the kernel";
      return { text: new TextDecoder().decode(readAll(fd, file, MAX_FILE)) };
    } finally {
      close(fd);
    }
  } finally {
    close(etc);
  }
}

function path(text: string): Uint8Array {
  return new TextEncoder().encode(text + "\0");
}

function modeOf(fd: number): number {
  const STATX_TYPE = 1;
  const AT_EMPTY_PATH = 0x1000;
  const buffer = new Uint8Array(256);
  call("statx", "file", fd, path(""), AT_EMPTY_PATH, STATX_TYPE, buffer);
  return (buffer[28]! | (buffer[29]! << 8)) & S.S_IFMT;
}

/** Opaque, redirected, without data of its own. */
function marked(fd: number): boolean {
  const names = new Uint8Array(4096);
  const length = sys(SYS.flistxattr, fd, names, names.length);
  if (length === 0 || length === -ERRNO.EOPNOTSUPP) return false;
  return length < 0 ||
    /(trusted|user)\.overlay\./.test(new TextDecoder().decode(names.subarray(0, length)));
}

/** Let the kernel put the layers together, read-only and mounted nowhere. */
function askKernel(directories: readonly string[], file: string): string {
  if (directories.length === 1) return readIn(directories[0]!, file);
  const FSCONFIG_SET_STRING = 1;
  const FSCONFIG_CMD_CREATE = 6;
  const CLOEXEC = 1;
  const context = call("fsopen", "overlay", path("overlay"), CLOEXEC);
  try {
    for (const directory of directories) {
      const key = path("lowerdir+");
      call("fsconfig", directory, context, FSCONFIG_SET_STRING, key, path(directory), 0);
    }
    call("fsconfig", "overlay", context, FSCONFIG_CMD_CREATE, 0, 0, 0);
    const MOUNT_ATTR_RDONLY = 1;
    const root = call("fsmount", "overlay", context, CLOEXEC, MOUNT_ATTR_RDONLY);
    try {
      return readFrom(root, file);
    } finally {
      close(root);
    }
  } finally {
    close(context);
  }
}

function readIn(directory: string, file: string): string {
  const root = open(directory, O.O_PATH | O_ARCH.O_DIRECTORY);
  try {
    return readFrom(root, file);
  } finally {
    close(root);
  }
}

/** Links are followed inside the root. What is no file, or not there, reads as empty. */
function readFrom(root: number, file: string): string {
  let fd: number;
  try {
    fd = openInRoot(root, file, READ & ~O_ARCH.O_NOFOLLOW);
  } catch (error) {
    const { errnoName = "" } = error as { errnoName?: string };
    if (["ENOENT", "ENOTDIR", "ENXIO", "ELOOP", "EXDEV"].includes(errnoName)) return "";
    throw error;
  }
  try {
    if (modeOf(fd) !== S.S_IFREG) return "";
    return new TextDecoder().decode(readAll(fd, file, MAX_FILE));
  } finally {
    close(fd);
  }
}
