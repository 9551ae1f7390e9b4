import { pullAndPush, type RegistryUnderTest } from "../contracts/registry.ts";
import { discoveryAndManagement } from "../contracts/registry_content.ts";
import { startGoRegistry } from "../fixtures/go_registry.ts";
import { needs } from "../fixtures/needs.ts";

const GO: RegistryUnderTest = {
  ...needs("cmd:go"),
  start: startGoRegistry,
  mounts: false,
  checksBlobs: false,
  deletesTags: true,
  missingBlob: 500,
  referrers: "config",
};

pullAndPush("go-containerregistry", GO);
discoveryAndManagement("go-containerregistry", GO);
