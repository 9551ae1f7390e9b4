/**
 * The built-in image `host`: this machine's `/usr` under a private overlay, with a generated `/etc`.
 * Here is what every start needs: is the stored image still what the host looks like? The rest is in
 * `host_build.ts`.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { SYS } from "../program/mod.ts";
import type { State } from "../state/mod.ts";
import { type StoredImage, toImage } from "./variant.ts";

/** The name of its record. It has no registry. */
export const HOST = "host:latest";

/** Label of the record that holds {@link hostStamp}. */
export const HOST_STAMP = "ctr.host.stamp";

/** Raised when the generated tree changes, so that stored ones are made anew. */
const GENERATION = 1;

/** What the generated tree is made from, or shows whether packages were installed or removed. */
const WATCHED = [
  "/usr",
  "/bin",
  "/lib",
  "/lib64",
  "/sbin",
  "/etc/alternatives",
  "/etc/ld.so.cache",
  "/etc/nsswitch.conf",
  "/etc/os-release",
  "/etc/resolv.conf",
  "/etc/ssl/certs",
];

/** True when a person means the built-in image. */
export function isHost(reference: string): boolean {
  return reference === "host" || reference === HOST;
}

/** A text that changes when the host changed: 11 calls of statx, about 10 µs. */
export function hostStamp(): string {
  const buffer = new DataView(new ArrayBuffer(256));
  const bytes = new Uint8Array(buffer.buffer);
  const encoder = new TextEncoder();
  let stamp = String(GENERATION);
  for (const path of WATCHED) {
    const result = sys(SYS.statx, -100, encoder.encode(path + "\0"), 0, 0x7ff, bytes);
    stamp += result < 0
      ? ",-"
      : `,${buffer.getBigInt64(112, true)}.${buffer.getUint32(120, true)}` +
        `.${buffer.getUint32(140, true)}`;
  }
  return stamp;
}

/** The stored image, if it is up to date. */
export function storedHost(
  state: State,
  platform: string,
  snapshotter: string,
): StoredImage | undefined {
  const found = state.images.find(HOST, platform, snapshotter);
  if (found?.variant === undefined || found.record.labels[HOST_STAMP] !== hostStamp()) {
    return undefined;
  }
  return { image: toImage(HOST, found.variant), unpacked: found.unpacked };
}
