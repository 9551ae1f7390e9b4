/**
 * Which unit of systemd a container is, and where systemd puts it.
 *
 * @module
 */

import { CtrError } from "../../errors.ts";

/** A unit that is to be made. */
export interface UnitName {
  /** `docker-ID.scope`, or a slice. */
  readonly unit: string;
  /** The slice that it shall be in, by name: `user-1000.slice`. */
  readonly slice: string;
  /** Its cgroup below the manager's own. */
  readonly path: string;
}

/**
 * The unit for a spec's `cgroupsPath`, `SLICE:PREFIX:NAME`, by runc's rules: `SLICE` may be empty,
 * `PREFIX-NAME.scope` is its name, and a name that ends in `.slice` is a slice.
 *
 * @param cgroupsPath empty for a container that does not say: `runc-ID.scope`
 * @param options.user in a user's own manager, where another slice is usual
 * @throws {CtrError} `invalid_argument` for another form, or a name that systemd does not have
 */
export function unitName(
  cgroupsPath: string,
  { id, user }: { readonly id: string; readonly user: boolean },
): UnitName {
  const parts = cgroupsPath === "" ? ["", "runc", id] : cgroupsPath.split(":");
  if (parts.length !== 3) {
    throw invalid(cgroupsPath, "expected cgroupsPath to be of the form slice:prefix:name");
  }
  const [given, prefix, name] = parts as [string, string, string];
  const slice = given || (user ? "user.slice" : "system.slice");
  const isSlice = name.endsWith(".slice");
  const unit = isSlice ? name : `${prefix}-${name}.scope`;
  // Characters that systemd has in names of units; it says itself what else is wrong with one.
  if (!/^[A-Za-z0-9:_.\\@-]{1,255}$/.test(unit) || name === "") {
    throw invalid(unit, "systemd has no such unit names");
  }
  const path = isSlice ? sliceDirectory(unit) : `${sliceDirectory(slice)}/${unit}`;
  return { unit, slice, path };
}

/**
 * Where a slice is: `a-b.slice` is in `a.slice`, so it is `/a.slice/a-b.slice`; empty for the root's.
 *
 * @throws {CtrError} `invalid_argument` when it is no slice
 */
export function sliceDirectory(slice: string): string {
  if (slice === "-.slice") return "";
  const parts = slice.endsWith(".slice") ? slice.slice(0, -".slice".length).split("-") : [""];
  if (parts.includes("") || !/^[A-Za-z0-9:_.\\@-]+$/.test(slice)) {
    throw invalid(slice, "it is not the name of a slice");
  }
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("-")}.slice`).join("");
}

function invalid(subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "use unit", subject, reason });
}
