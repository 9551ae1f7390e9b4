/**
 * The devices of every container.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-devices
 * @module
 */

import type { OciDevice } from "../oci/mod.ts";

/** What the runtime spec promises to every container, whether `linux.devices` lists it or not. */
export const DEFAULT_DEVICES: readonly OciDevice[] = [
  device("null", 1, 3),
  device("zero", 1, 5),
  device("full", 1, 7),
  device("random", 1, 8),
  device("urandom", 1, 9),
  device("tty", 5, 0),
];

function device(name: string, major: number, minor: number): OciDevice {
  return { type: "c", path: `/dev/${name}`, major, minor, fileMode: 0o666 };
}
