import { pullAndPush, type RegistryUnderTest } from "../contracts/registry.ts";
import { discoveryAndManagement } from "../contracts/registry_content.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { needs } from "../fixtures/needs.ts";

const DOCKER: RegistryUnderTest = {
  ...needs("cmd:docker-registry"),
  start: () => startDockerRegistry({ delete: true }),
  mounts: true,
  checksBlobs: true,
  deletesTags: false,
  missingBlob: 404,
  referrers: false,
};

pullAndPush("docker-registry", DOCKER);
discoveryAndManagement("docker-registry", DOCKER);
