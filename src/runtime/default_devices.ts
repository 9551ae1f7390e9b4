/**
 * The devices of every container.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-devices
 * @module
 */

import type { OciDevice } from "../oci/mod.ts";

/** What the runtime spec promises to every container, whether `linux.devices` lists it or not. */
export const DEFAULT_DEVICES: readonly OciDevice[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
].map(([name, major, minor]) => ({
  type: "c",
  path: `/dev/${name}`,
  major: major as number,
  minor: minor as number,
  fileMode: 0o666,
}));
