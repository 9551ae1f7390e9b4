/**
 * Writes `seccomp_precompiled.ts`. To be run after a change of the default profile or of the compiler:
 * `bun src/runtime/seccomp_precompile.ts`, or `deno run -A …`.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { DEFAULT_CAPABILITIES } from "./default_spec.ts";
import { compileFor } from "./seccomp_arches.ts";
import { profileKey } from "./seccomp_filter.ts";
import { defaultSeccomp, defaultVariant } from "./seccomp_profile.ts";

/** The text of the generated module. */
export function precompiledModule(): string {
  const entries = (["x86_64", "aarch64"] as const).map((arch) => {
    const profile = defaultSeccomp(DEFAULT_CAPABILITIES, arch);
    const filter = btoa(String.fromCharCode(...compileFor(arch, profile)));
    return `  ${arch}: {\n    variant: ${JSON.stringify(defaultVariant(profile))},\n    key: ${
      profileKey(profile)
    },\n    filter:\n      "${filter}",\n  },\n`;
  });
  return `/**
 * Docker's default seccomp profile, with its default capabilities, as BPF. Made by
 * \`seccomp_precompile.ts\`; a test makes it again and compares.
 *
 * @module
 */

/** By architecture: the profile's variant and its key, and the filter as base64. */
export const PRECOMPILED: Readonly<
  Record<
    "x86_64" | "aarch64",
    { readonly variant: string; readonly key: number; readonly filter: string }
  >
> = {
${entries.join("")}};
`;
}

if (import.meta.main) {
  writeFileSync(new URL("./seccomp_precompiled.ts", import.meta.url), precompiledModule());
}
