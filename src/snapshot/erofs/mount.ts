/**
 * An EROFS image that is mounted nowhere: fsopen and fsmount give a descriptor, and closing it ends
 * the mount. The image and its devices are files (Linux 6.12, CONFIG_EROFS_FS_BACKED_BY_FILE).
 *
 * @module
 */

import { sys } from "../../../ffi/mod.ts";
import { SYS } from "../../program/mod.ts";
import { check, closeFd, cstring, toByteString } from "../_at.ts";

const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const CLOEXEC = 1;

/**
 * Open the root directory of an image.
 *
 * @returns the mount's own descriptor (`O_PATH`): with any other, overlayfs could not stack on it.
 * @param devices The tars that it points into, in order; absolute paths.
 * @throws {SyscallError} where the kernel has no file-backed EROFS, or finds the image broken.
 */
export function openErofs(image: string, devices: readonly string[]): number {
  const expect = (syscall: string, result: number): number =>
    check("mount", syscall, toByteString(image), result);
  const context = expect("fsopen", sys(SYS.fsopen, cstring("erofs"), CLOEXEC));
  try {
    const set = (key: string, value: string): void => {
      const text = cstring(toByteString(value));
      expect("fsconfig", sys(SYS.fsconfig, context, FSCONFIG_SET_STRING, cstring(key), text, 0));
    };
    expect("fsconfig", sys(SYS.fsconfig, context, FSCONFIG_SET_FLAG, cstring("ro"), 0, 0));
    set("source", image);
    for (const device of devices) set("device", device);
    expect("fsconfig", sys(SYS.fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0));
    return expect("fsmount", sys(SYS.fsmount, context, CLOEXEC, 0));
  } finally {
    closeFd(context);
  }
}
