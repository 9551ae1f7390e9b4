import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { dockerConfig, hostOf } from "./docker_config.ts";

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
const ADA = { username: "ada", password: "secret" };
const TOKEN = { username: "", password: "", identityToken: "t0ken" };

/** A helper that keeps what it is given in files, and says who called it. */
const HELPER = `#!/bin/sh
d=\${0%/*}; read -r line || true
case "$1" in
get) f="$d/kept.$(printf %s "$line" | tr -c 'a-z0-9.' _)"
  [ -e "$f" ] && cat "$f" && exit; echo "credentials not found in native keychain"; exit 1 ;;
store) key=$(printf %s "$line" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' | tr -c 'a-z0-9.' _)
  printf %s "$line" > "$d/kept.$key" ;;
erase) rm "$d/kept.$(printf %s "$line" | tr -c 'a-z0-9.' _)" ;;
esac
`;

function helper(home: string, name: string): { PATH: string; DOCKER_CONFIG: string } {
  writeFileSync(join(home, `docker-credential-${name}`), HELPER);
  chmodSync(join(home, `docker-credential-${name}`), 0o755);
  return { PATH: `${home}:/usr/bin:/bin`, DOCKER_CONFIG: home };
}

test("dockerConfig() reads the file of $DOCKER_CONFIG, else of the home directory", () =>
  withHome(async (home) => {
    const get = (env: Record<string, string>) => dockerConfig(env).credentials("r.example");
    assert.equal(await get({ HOME: home }), undefined);
    assert.equal(await get({}), undefined);
    mkdirSync(join(home, ".docker"));
    writeFileSync(join(home, ".docker/config.json"), config("home"));
    writeFileSync(join(home, "config.json"), config("chosen"));
    assert.deepEqual(await get({ HOME: home }), { username: "home", password: "secret" });
    const chosen = await get({ HOME: home, DOCKER_CONFIG: home });
    assert.deepEqual(chosen, { username: "chosen", password: "secret" });
  }));

test("dockerConfig() names the file that is not JSON", () =>
  withHome(async (home) => {
    writeFileSync(join(home, "config.json"), "{");
    await assert.rejects(dockerConfig({ DOCKER_CONFIG: home }).credentials("r.example"), {
      code: "invalid_argument",
      subject: join(home, "config.json"),
    });
  }));

test("store() and erase() change one entry of the file and leave the rest", () =>
  withHome(async (home) => {
    const path = join(home, "config.json");
    const docker = dockerConfig({ DOCKER_CONFIG: home });
    assert.equal(await docker.store("docker.io", ADA), undefined);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    writeFileSync(
      path,
      JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), psFormat: "x" }),
    );
    await docker.store("r.example:5000", TOKEN);
    assert.deepEqual(await docker.credentials("docker.io"), ADA);
    assert.deepEqual(await docker.credentials("r.example:5000"), TOKEN);
    assert.equal(await docker.credentials("other.example"), undefined);
    assert.equal(await docker.erase("r.example:5000"), true);
    assert.equal(await docker.erase("r.example:5000"), false);
    assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), {
      auths: { "https://index.docker.io/v1/": { auth: btoa("ada:secret") } },
      psFormat: "x",
    });
  }));

test("credentials are kept by helpers where the file says so", () =>
  withHome(async (home) => {
    const path = join(home, "config.json");
    const env = { ...helper(home, "all"), ...helper(home, "some") };
    const docker = dockerConfig(env);
    writeFileSync(
      path,
      JSON.stringify({ credsStore: "all", credHelpers: { "r.example": "some" } }),
    );
    assert.equal(await docker.credentials("r.example"), undefined);
    assert.equal(await docker.store("r.example", TOKEN), "some");
    assert.equal(await docker.store("docker.io", ADA), "all");
    assert.ok(!readFileSync(path, "utf8").includes(btoa("ada:secret")));
    assert.deepEqual(await docker.credentials("r.example"), TOKEN);
    assert.deepEqual(await docker.credentials("docker.io"), ADA);
    assert.equal(await docker.erase("docker.io"), true);
    assert.equal(await docker.credentials("docker.io"), undefined);
  }));

test("a helper that is missing is named, and what it should not say is not shown", () =>
  withHome(async (home) => {
    const path = join(home, "config.json");
    writeFileSync(path, JSON.stringify({ credsStore: "gone" }));
    await assert.rejects(dockerConfig({ DOCKER_CONFIG: home, PATH: home }).credentials("a"), {
      code: "unavailable",
      message: /there is no program docker-credential-gone on the PATH/,
    });
    const env = helper(home, "bad");
    writeFileSync(join(home, "docker-credential-bad"), "#!/bin/sh\necho 'Secret: hunter2'\n");
    writeFileSync(path, JSON.stringify({ credsStore: "bad" }));
    await assert.rejects(dockerConfig(env).credentials("a"), (error: Error) => {
      assert.match(error.message, /not JSON/);
      return !error.message.includes("hunter2");
    });
    writeFileSync(path, JSON.stringify({ credsStore: "../../bin/x" }));
    await assert.rejects(dockerConfig(env).credentials("a"), /no name of a helper/);
  }));

test("credentials() finds what each registry's own tools write", () =>
  withHome(async (home) => {
    const pair = (text: string) => ({ auth: btoa(text) });
    const auths = {
      "docker.io": {},
      "https://index.docker.io/v1/": pair("ada:dckr_pat_x"),
      "https://index.docker.io/v1/access-token": pair("ada:short"),
      "https://index.docker.io/v1/refresh-token": pair("ada:long"),
      "ghcr.io": pair("ada:ghp_x"),
      "https://ghcr.io/v2/": pair("old:old"),
      "https://old.example/v1/": pair("ada:old"),
      "team.azurecr.io": { ...pair("00000000-0000-0000-0000-000000000000:"), identitytoken: "rt" },
      "europe-docker.pkg.dev": pair('_json_key:{"type": "service_account",\n"x": "a:b"}'),
      "123456789012.dkr.ecr.eu-west-1.amazonaws.com": pair("AWS:ecr\0\0"),
      "plain.example": { username: "ada", password: "p" },
      "bearer.example": { registrytoken: "jwt" },
      "nothing.example": null,
    };
    writeFileSync(join(home, "config.json"), JSON.stringify({ auths }));
    const docker = dockerConfig({ DOCKER_CONFIG: home });
    const secret = async (host: string) => {
      const found = await docker.credentials(host);
      return found?.registryToken ?? found?.identityToken ?? found?.password;
    };
    assert.equal(await secret("docker.io"), "dckr_pat_x");
    assert.equal(await secret("ghcr.io"), "ghp_x");
    assert.equal(await secret("old.example"), "old");
    assert.equal(await secret("team.azurecr.io"), "rt");
    assert.equal(
      await secret("europe-docker.pkg.dev"),
      '{"type": "service_account",\n"x": "a:b"}',
    );
    assert.equal(await secret("123456789012.dkr.ecr.eu-west-1.amazonaws.com"), "ecr");
    assert.equal(await secret("plain.example"), "p");
    assert.equal(await secret("bearer.example"), "jwt");
    for (const host of ["nothing.example", "index.docker.io", "pkg.dev"]) {
      assert.equal(await secret(host), undefined, host);
    }
  }));

test("helpers are asked under the names that Docker has for registries", () =>
  withHome(async (home) => {
    writeFileSync(
      join(home, "docker-credential-log"),
      `#!/bin/sh
read -r line; echo "$1 $line" >> "\${0%/*}/asked"
echo '{"ServerURL":"x","Username":"AWS","Secret":"s"}'
`,
    );
    chmodSync(join(home, "docker-credential-log"), 0o755);
    const credHelpers = {
      "https://index.docker.io/v1/": "log",
      "123456789012.dkr.ecr.eu-west-1.amazonaws.com": "log",
      "gcr.io": "log",
      "localhost:5000": "log",
    };
    writeFileSync(join(home, "config.json"), JSON.stringify({ credHelpers }));
    const docker = dockerConfig({ DOCKER_CONFIG: home, PATH: `${home}:/usr/bin:/bin` });
    const hosts = [
      "docker.io",
      "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
      "gcr.io",
      "localhost:5000",
      "eu.gcr.io",
    ];
    for (const host of hosts) await docker.credentials(host);
    assert.deepEqual(readFileSync(join(home, "asked"), "utf8").split("\n"), [
      "get https://index.docker.io/v1/",
      "get 123456789012.dkr.ecr.eu-west-1.amazonaws.com",
      "get gcr.io",
      "get localhost:5000",
      "",
    ]);
  }));

test("hostOf() knows what people and Docker write", () => {
  assert.equal(hostOf("https://index.docker.io/v1/"), "docker.io");
  assert.equal(hostOf("http://localhost:5000/v2/"), "localhost:5000");
  assert.equal(hostOf("ghcr.io"), "ghcr.io");
});
