import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DEFAULT_CAPABILITIES } from "./default_spec.ts";
import { compileFor } from "./seccomp_arches.ts";
import { profileKey, seccompFilter } from "./seccomp_filter.ts";
import { precompiledModule } from "./seccomp_precompile.ts";
import { defaultSeccomp } from "./seccomp_profile.ts";
import { arch } from "../../ffi/mod.ts";

test("the precompiled filters are what the compiler makes of the default profile", () => {
  const file = new URL("./seccomp_precompiled.ts", import.meta.url);
  assert.equal(
    readFileSync(file, "utf8"),
    precompiledModule(),
    "run: bun src/runtime/seccomp_precompile.ts",
  );
});

test("seccompFilter() gives the same filter for a profile that went through a config.json", async () => {
  const profile = defaultSeccomp(DEFAULT_CAPABILITIES, arch);
  const read = JSON.parse(JSON.stringify(profile));
  assert.deepEqual(await seccompFilter(read), compileFor(arch, profile));
});

test("profileKey() differs when anything differs", () => {
  const keys = new Set<number>();
  const profile = defaultSeccomp(DEFAULT_CAPABILITIES, "x86_64");
  keys.add(profileKey(profile));
  keys.add(profileKey(defaultSeccomp(DEFAULT_CAPABILITIES, "aarch64")));
  keys.add(profileKey({ ...profile, defaultErrnoRet: 2 }));
  const rules = profile.syscalls!;
  for (let i = 0; i < rules.length; i++) {
    keys.add(profileKey({ ...profile, syscalls: rules.filter((_, at) => at !== i) }));
  }
  const names = rules[0]!.names;
  for (let i = 0; i < names.length; i++) {
    const fewer = { ...rules[0]!, names: names.filter((_, at) => at !== i) };
    keys.add(profileKey({ ...profile, syscalls: [fewer, ...rules.slice(1)] }));
  }
  assert.equal(keys.size, 3 + rules.length + names.length);
});

test("seccompFilter() compiles any other profile", async () => {
  const profile = defaultSeccomp([...DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN"], arch);
  assert.deepEqual(await seccompFilter(profile), compileFor(arch, profile));
});
