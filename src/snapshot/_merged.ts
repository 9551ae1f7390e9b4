/**
 * An overlay of layers that is mounted nowhere: fsopen and fsmount give a descriptor, on which
 * openat2 works, and closing it ends the mount. Nothing appears in any mount namespace, and nothing
 * is left after a crash. Before Linux 6.8 there is no `lowerdir+`, and then about 12 layers fit.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { errnoName, O } from "../linux/mod.ts";
import { O_ARCH, open, SYS } from "../program/mod.ts";
import { closeFd, cstring, openAt, toByteString } from "./_at.ts";
import { inUserNamespace } from "./_user_namespace.ts";

const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_SET_FD = 5;
const FSCONFIG_CMD_CREATE = 6;
const CLOEXEC = 1;

/** Where changes go. */
export interface Upper {
  readonly upper: string;
  readonly work: string;
}

/**
 * Open the root of layers laid over each other, topmost first. One that is mounted nowhere is given
 * as its descriptor, which takes Linux 6.15.
 *
 * @returns a descriptor of the merged root directory.
 * @throws {CtrError} `not_implemented` on a kernel without it; `internal` when it refuses.
 */
export function openMerged(lowers: readonly (string | number)[], upper?: Upper): number {
  const [only] = lowers;
  if (upper === undefined && lowers.length === 1) {
    const flags = O.O_RDONLY | O_ARCH.O_DIRECTORY;
    return typeof only === "number"
      ? expect("openat", openAt(only, ".", flags))
      : open(only!, flags);
  }
  const context = expect("fsopen", sys(SYS.fsopen, cstring("overlay"), CLOEXEC));
  const held: number[] = [];
  try {
    const set = (key: string, value: string): void => {
      const text = cstring(toByteString(value));
      const result = sys(SYS.fsconfig, context, FSCONFIG_SET_STRING, cstring(key), text, 0);
      expect("fsconfig", result, `${key}=${value}`);
    };
    setLowers(context, lowers, held);
    if (inUserNamespace()) {
      const flag = cstring("userxattr");
      expect("fsconfig", sys(SYS.fsconfig, context, FSCONFIG_SET_FLAG, flag, 0, 0), "userxattr");
    }
    if (upper !== undefined) {
      set("upperdir", upper.upper);
      set("workdir", upper.work);
    }
    expect("fsconfig", sys(SYS.fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0));
    const mount = expect("fsmount", sys(SYS.fsmount, context, CLOEXEC, 0));
    try {
      return expect("openat", openAt(mount, ".", O.O_RDONLY | O_ARCH.O_DIRECTORY));
    } finally {
      closeFd(mount);
    }
  } finally {
    closeFd(context);
    for (const fd of held) closeFd(fd);
  }
}

/** A value of fsconfig has at most 255 bytes: descriptors are shorter than paths. */
function setLowers(context: number, lowers: readonly (string | number)[], held: number[]): void {
  const set = (key: string, value: string): number => {
    const text = cstring(toByteString(value));
    return sys(SYS.fsconfig, context, FSCONFIG_SET_STRING, cstring(key), text, 0);
  };
  const add = (lower: string | number): number =>
    typeof lower === "string"
      ? set("lowerdir+", lower)
      : sys(SYS.fsconfig, context, FSCONFIG_SET_FD, cstring("lowerdir+"), 0, lower);
  const first = add(lowers[0]!);
  if (first >= 0) {
    for (const lower of lowers.slice(1)) expect("fsconfig", add(lower), String(lower));
    return;
  }
  for (const lower of lowers) {
    if (typeof lower === "number") expect("fsconfig", first, String(lower));
    else held.push(open(lower, O.O_PATH | O_ARCH.O_DIRECTORY));
  }
  const value = held.map((fd) => `/proc/self/fd/${fd}`).join(":");
  expect("fsconfig", value.length < 256 ? set("lowerdir", value) : first, String(lowers[0]));
}

function expect(syscall: string, result: number, subject = "overlay"): number {
  if (result >= 0) return result;
  throw new CtrError({
    code: result === -22 || result === -38 ? "not_implemented" : "internal",
    operation: "lay layers over each other",
    subject,
    reason: `${syscall} failed (${errnoName(-result)})`,
    ...(result === -22 ? { hint: "this layer needs Linux 6.8 or newer" } : {}),
  });
}
