/**
 * The steps that give a process a terminal of the container's own devpts.
 *
 * @module
 */

import { AT, F, O, RESOLVE, TTY } from "../linux/mod.ts";
import type { OciProcess } from "../oci/mod.ts";
import { O_ARCH, openHow, type ProgramBuilder, type Ref } from "../program/mod.ts";
import { moveMount, OPEN_TREE_CLONE } from "./mount_steps.ts";

/**
 * Descriptors of the host are still open here, and `/proc/self/fd` leads to them: no link of the
 * container may, not even on the way to a file.
 */
function openHere(flags: number, mode = 0): Uint8Array {
  const all = flags | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC;
  return openHow(all, RESOLVE.RESOLVE_NO_MAGICLINKS, mode);
}

/**
 * Open a pty, and make its slave stdio and the controlling terminal. That the file is a pty master,
 * whatever the container has under its name, is certain once TIOCGPTPEER works on it.
 *
 * @param options `console`: mount the slave on `/dev/console`; `above`: where the master may not be
 * @returns the master
 */
export function terminalSteps(
  p: ProgramBuilder,
  process: OciProcess,
  options: { readonly console: boolean; readonly above: number },
): Ref {
  const name = "open terminal";
  const open = O.O_RDWR | O.O_NOCTTY | O.O_CLOEXEC;
  const subject = "/dev/pts/ptmx";
  const opened = p.step("openat2", [AT.AT_FDCWD, subject, openHere(open), 24], { name, subject });
  const master = p.step("fcntl", [opened, F.F_DUPFD_CLOEXEC, options.above + 1], { name });
  p.step("ioctl", [master, TTY.TIOCSPTLCK, new Uint8Array(4)], { name });
  const slave = p.step("ioctl", [master, TTY.TIOCGPTPEER, open], { name });
  if (process.consoleSize !== undefined) {
    const { height, width } = process.consoleSize;
    const size = new Uint8Array(8);
    new Uint16Array(size.buffer).set([height, width]);
    p.step("ioctl", [slave, TTY.TIOCSWINSZ, size], { name: "set terminal size" });
  }
  if (options.console) consoleSteps(p, slave);
  for (const target of [0, 1, 2]) p.step("dup3", [slave, target, 0], { name: "connect stdio" });
  p.step("ioctl", [0, TTY.TIOCSCTTY, 0], { name: "make terminal controlling" });
  return master;
}

/** Both ends of the mount are descriptors: `/dev/console` may be a link (CVE-2025-52565). */
function consoleSteps(p: ProgramBuilder, slave: Ref): void {
  const name = "mount /dev/console";
  const path = "/dev/console";
  const create = openHere(O.O_WRONLY | O.O_CREAT | O.O_EXCL, 0o620);
  p.step("openat2", [AT.AT_FDCWD, path, create, 24], { name, mayFail: true });
  const open = openHere(O.O_PATH);
  const target = p.step("openat2", [AT.AT_FDCWD, path, open, 24], { name, subject: path });
  const flags = OPEN_TREE_CLONE | O.O_CLOEXEC | AT.AT_EMPTY_PATH;
  const tree = p.step("open_tree", [slave, "", flags], { name, subject: path });
  moveMount(p, tree, target, name, path);
}
