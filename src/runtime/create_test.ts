import assert from "node:assert/strict";
import { test } from "node:test";
import type { OciLinux, OciProcess } from "../oci/mod.ts";
import { keepable } from "./create.ts";

test("keepable() is what needs no more than one clone, and no talk with its parent", () => {
  const kept = (linux: OciLinux, process: Partial<OciProcess> = {}) =>
    keepable({
      ociVersion: "1.2.0",
      process: { args: ["x"], cwd: "/", user: { uid: 0, gid: 0 }, ...process },
      linux,
    });
  const rule = (action: "SCMP_ACT_ERRNO" | "SCMP_ACT_NOTIFY") => ({
    seccomp: {
      defaultAction: "SCMP_ACT_ALLOW" as const,
      syscalls: [{ names: ["mkdir"], action }],
    },
  });
  assert.ok(kept({ namespaces: [{ type: "pid" }, { type: "mount", path: "" }] }));
  assert.ok(kept(rule("SCMP_ACT_ERRNO")));
  assert.ok(!kept(rule("SCMP_ACT_NOTIFY")));
  assert.ok(!kept({ namespaces: [{ type: "user" }] }));
  assert.ok(!kept({ namespaces: [{ type: "time" }] }));
  assert.ok(!kept({ namespaces: [{ type: "network", path: "/run/netns/x" }] }));
  assert.ok(!kept({}, { terminal: true }));
});
