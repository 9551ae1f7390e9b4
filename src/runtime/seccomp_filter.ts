/**
 * The seccomp filter of a container: Docker's default profile is there already, any other is compiled.
 *
 * Compiling costs 5 ms in a process that has just begun, a quarter of a container's start.
 *
 * @module
 */

import { arch } from "../../ffi/mod.ts";
import type { OciSeccomp } from "../oci/mod.ts";
import { PRECOMPILED } from "./seccomp_precompiled.ts";
import { defaultVariant } from "./seccomp_profile.ts";

/** `Uint8Array.fromBase64`, ECMAScript 2026; TypeScript's library does not know it yet. */
const { fromBase64 } = Uint8Array as unknown as { fromBase64(text: string): Uint8Array };

/** A number for a profile, the same whenever its JSON is the same. Not for adversaries: they have none. */
export function profileKey(profile: OciSeccomp): number {
  const text = JSON.stringify(profile);
  const bytes = new Uint8Array((text.length * 3 + 3) & ~3);
  new TextEncoder().encodeInto(text, bytes);
  const words = new Uint32Array(bytes.buffer, 0, (text.length + 3) >> 2);
  let low = 0x811c9dc5;
  let high = text.length;
  for (let i = 0; i < words.length; i++) {
    low = Math.imul(low ^ words[i]!, 0x01000193);
    high = Math.imul(high + words[i]!, 0x5bd1e995) ^ (low >>> 15);
  }
  return (high & 0x1fffff) * 0x100000000 + (low >>> 0);
}

/**
 * `struct sock_filter` entries for a profile on this machine.
 *
 * @param cache a directory where filters are kept
 * @throws {CtrError} when the profile makes no sense
 */
export async function seccompFilter(profile: OciSeccomp, cache?: string): Promise<Uint8Array> {
  const { variant, key, filter } = PRECOMPILED[arch];
  const ready = () => fromBase64.call(Uint8Array, filter);
  if (variant === defaultVariant(profile)) return ready();
  const own = profileKey(profile);
  if (own === key) return ready();
  const compile = async () => (await import("./seccomp_arches.ts")).compileFor(arch, profile);
  if (cache === undefined) return await compile();
  const { cachedFilter, COMPILER } = await import("./seccomp_cache.ts");
  const text = `${COMPILER} ${arch} ${JSON.stringify(profile)}`;
  return await cachedFilter({ directory: cache, key: own, text, compile });
}
