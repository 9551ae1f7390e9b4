/**
 * The size that a process finds its terminal to have, from the beginning: ours.
 *
 * @module
 */

import type { OciProcess } from "../../src/oci/mod.ts";
import { terminalSize } from "../terminal.ts";

const [STDIN, STDOUT] = [0, 1];

/** The same process with a terminal as large as ours, if we have one. */
export function sized(process: OciProcess): OciProcess {
  const consoleSize = terminalSize(STDOUT) ?? terminalSize(STDIN);
  return consoleSize === undefined ? process : { ...process, consoleSize };
}
