/**
 * The version in the lines that dockerd and go-runc parse.
 *
 * @module
 */

import { arch, runtime } from "../../ffi/mod.ts";
import { VERSION } from "../version.ts";

/** `NAME version X` and what follows. */
export function versionText(program: string): string {
  const { versions }: { versions: Readonly<Record<string, string | undefined>> } = process;
  return [
    `${program} version ${VERSION}`,
    `commit: v${VERSION}`,
    "spec: 1.3.0",
    `${runtime}: ${versions[runtime] ?? ""} (${arch})`,
    "",
  ].join("\n");
}
