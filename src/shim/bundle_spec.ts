/**
 * The spec of a task's bundle.
 *
 * @module
 */

import type { OciSpec } from "../oci/mod.ts";
import { readText } from "../program/mod.ts";
import type { TaskOptions } from "./types.ts";

/** Read it. A client that was killed may have written none: that container never ran. */
export function readSpec({ bundle, options }: TaskOptions): OciSpec {
  try {
    return JSON.parse(readText(`${bundle}/config.json`)) as OciSpec;
  } catch (error) {
    if (options.adopted === undefined) throw error;
    return { ociVersion: "1.2.0" };
  }
}
