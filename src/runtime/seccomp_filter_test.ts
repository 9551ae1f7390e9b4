import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DEFAULT_CAPABILITIES } from "./default_spec.ts";
import { compileFor } from "./seccomp_arches.ts";
import { profileKey, seccompFilter } from "./seccomp_filter.ts";
import { filterOf } from "./seccomp_steps.ts";
import { precompiledModule } from "./seccomp_precompile.ts";
import { defaultSeccomp } from "./seccomp_profile.ts";
import { arch } from "../../ffi/mod.ts";
import type { OciSpec } from "../oci/mod.ts";

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

test("filterOf() takes a profile that says nothing for none, and flags for what they are", async () => {
  const filter = (seccomp?: object) =>
    filterOf(
      { ociVersion: "1.2.0", ...seccomp === undefined ? {} : { linux: { seccomp } } } as OciSpec,
    );
  assert.equal(await filter(), undefined);
  assert.equal(await filter({}), undefined);
  assert.equal(await filter({ defaultAction: "", syscalls: [] }), undefined);
  const allow = { defaultAction: "SCMP_ACT_ALLOW" };
  const [LOG, SPEC_ALLOW, NEW_LISTENER] = [2, 4, 8];
  assert.equal((await filter(allow))?.flags, SPEC_ALLOW);
  assert.equal((await filter({ ...allow, flags: [] }))?.flags, 0);
  const flag = (name: string) => `SECCOMP_FILTER_FLAG_${name}`;
  // Killable waiting is for who has a listener.
  const waiting = { ...allow, flags: [flag("LOG"), flag("WAIT_KILLABLE_RECV")] };
  assert.equal((await filter(waiting))?.flags, LOG);
  const notify = { names: ["mkdir"], action: "SCMP_ACT_NOTIFY" };
  const notifying = { ...allow, flags: [flag("TSYNC")], listenerPath: "/x", syscalls: [notify] };
  const TSYNC_AND_ITS_ERRNO = 1 | 16;
  assert.equal((await filter(notifying))?.flags, NEW_LISTENER | TSYNC_AND_ITS_ERRNO);
});
