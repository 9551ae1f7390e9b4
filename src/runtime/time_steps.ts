/**
 * The steps that put a process into a time namespace of its own.
 *
 * @see https://man7.org/linux/man-pages/man7/time_namespaces.7.html
 * @module
 */

import { CtrError } from "../errors.ts";
import { CLONE, O } from "../linux/mod.ts";
import type { OciLinux } from "../oci/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";

/**
 * Make the namespace, set its clocks, enter it. Its offsets are fixed once a process is in it, so it
 * cannot come with the clone; and only a process that shares its memory with nobody may enter.
 *
 * For a process that is in the user namespace that shall own this one.
 *
 * @param proc the host's `/proc`: in a mount namespace that was joined something else may be there
 */
export function timeNamespaceSteps(
  p: ProgramBuilder,
  proc: Ref,
  offsets: OciLinux["timeOffsets"],
): void {
  p.step("unshare", [CLONE.CLONE_NEWTIME], { name: "unshare time namespace" });
  const text = timeOffsetText(offsets);
  if (text !== "") {
    const path = "self/timens_offsets";
    const about = { name: "set time offsets", subject: text.trimEnd().replaceAll("\n", ", ") };
    const fd = p.step("openat", [proc, path, O.O_WRONLY | O.O_CLOEXEC, 0], about);
    p.step("write", [fd, text, text.length], about);
    p.step("close", [fd]);
  }
  const about = { name: "enter time namespace" };
  const path = "self/ns/time_for_children";
  const fd = p.step("openat", [proc, path, O.O_RDONLY | O.O_CLOEXEC, 0], about);
  p.step("setns", [fd, CLONE.CLONE_NEWTIME], about);
  p.step("close", [fd]);
}

/** What is written to `/proc/self/timens_offsets`, in one piece. */
export function timeOffsetText(offsets: OciLinux["timeOffsets"] = {}): string {
  return Object.entries(offsets).map(([clock, { secs = 0, nanosecs = 0 }]) => {
    const reason = clock !== "monotonic" && clock !== "boottime"
      ? "only monotonic and boottime can be set"
      : !Number.isSafeInteger(secs) || !Number.isInteger(nanosecs)
      ? "seconds and nanoseconds are whole numbers"
      : undefined;
    if (reason === undefined) return `${clock} ${secs} ${nanosecs}\n`;
    const operation = "set time offset";
    throw new CtrError({ code: "invalid_argument", operation, subject: clock, reason });
  }).join("");
}
