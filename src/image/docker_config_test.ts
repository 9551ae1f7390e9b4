import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { dockerConfigAccess } from "./docker_config.ts";

async function withHome(work: (home: string) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "ctr-docker-config-"));
  try {
    await work(home);
  } finally {
    rmSync(home, { recursive: true });
  }
}
const config = (user: string) =>
  JSON.stringify({ auths: { "r.example": { auth: btoa(`${user}:secret`) } } });
const access = (username: string) => ({
  credentials: { "r.example": { username, password: "secret" } },
});

test("dockerConfigAccess() reads the file of $DOCKER_CONFIG, else of the home directory", () =>
  withHome(async (home) => {
    assert.deepEqual(await dockerConfigAccess({ HOME: home }), {});
    assert.deepEqual(await dockerConfigAccess({}), {});
    mkdirSync(join(home, ".docker"));
    writeFileSync(join(home, ".docker/config.json"), config("home"));
    writeFileSync(join(home, "config.json"), config("chosen"));
    assert.deepEqual(await dockerConfigAccess({ HOME: home }), access("home"));
    assert.deepEqual(
      await dockerConfigAccess({ HOME: home, DOCKER_CONFIG: home }),
      access("chosen"),
    );
  }));

test("dockerConfigAccess() names the file that is not JSON", () =>
  withHome(async (home) => {
    writeFileSync(join(home, "config.json"), "{");
    await assert.rejects(dockerConfigAccess({ DOCKER_CONFIG: home }), {
      code: "invalid_argument",
      subject: join(home, "config.json"),
    });
  }));
