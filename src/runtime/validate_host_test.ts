import assert from "node:assert/strict";
import { test } from "node:test";
import type { OciSpec } from "../oci/mod.ts";
import { validateHost } from "./validate_host.ts";

const spec = (linux: OciSpec["linux"], options: readonly string[] = []): OciSpec => ({
  ociVersion: "1.2.0",
  root: { path: "/" },
  mounts: [{ destination: "/x", type: "tmpfs", options }],
  ...linux === undefined ? {} : { linux },
});

test("validateHost() lets who is not root use what is mapped", () => {
  const map = [{ containerID: 0, hostID: 1000, size: 10 }];
  const mapped = {
    namespaces: [{ type: "user" as const }],
    uidMappings: map,
    gidMappings: [{ ...map[0]!, size: 1 }],
  };
  const refused = (spec: OciSpec, reason: RegExp) =>
    assert.throws(() => validateHost(spec, "/", 1000), reason);
  refused(spec(undefined), /rootless container requires user namespaces$/);
  refused(spec(mapped, ["size=1", "uid=10"]), /uid=10 mount option for unmapped uid in rootless/);
  refused(spec(mapped, ["gid=1"]), /gid=1 mount option for unmapped gid in rootless/);
  validateHost(spec(mapped, ["uid=9", "gid=0"]), "/", 1000);
  validateHost(spec(undefined, ["uid=10"]), "/", 0);
});
