/**
 * From a real registry to a running process, by name.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ARCHITECTURE, BUSYBOX, busyboxImage } from "../fixtures/busybox_image.ts";
import { type Cli, output, withCli } from "../fixtures/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root", "overlayfs", "cmd:docker-registry", "cmd:skopeo", `file:${BUSYBOX}`);

async function withRegistry(
  work: (cli: Cli, registry: DockerRegistry) => Promise<void>,
): Promise<void> {
  const registry = await startDockerRegistry();
  try {
    await withCli("registry-run", (cli) => work(cli, registry));
  } finally {
    await registry.stop();
  }
}

for (const compression of ["gzip", "zstd", "none"] as const) {
  test(
    `an image with ${compression} layers, pushed by skopeo, runs by name`,
    NEEDS,
    () =>
      withRegistry(async (cli, registry) => {
        const source = new FakeRegistry();
        await registry.push(
          source,
          busyboxImage(source, compression, { compression }),
          "team/app:1",
        );
        const name = `${registry.host}/team/app:1`;
        const { code, stdout, stderr } = await cli.run(["run", "--rm", name, "cat", "/greeting"]);
        assert.deepEqual([code, stdout], [0, `${compression}\n`], stderr);
        // The second run asks no registry.
        await registry.stop();
        const again = await cli.run(["run", "--rm", name, "cat", "/greeting"]);
        assert.deepEqual([again.code, again.stdout, again.stderr], [0, `${compression}\n`, ""]);
      }),
  );
}

test(
  "a multi-platform index runs with this machine's platform",
  NEEDS,
  () =>
    withRegistry(async (cli, registry) => {
      const source = new FakeRegistry();
      const other = ARCHITECTURE === "amd64" ? "arm64" : "amd64";
      const index = source.index({
        "linux/s390x": busyboxImage(source, "s390x", { architecture: "s390x" }),
        [`linux/${other}`]: busyboxImage(source, other, { architecture: other }),
        [`linux/${ARCHITECTURE}`]: busyboxImage(source, ARCHITECTURE),
      });
      await registry.push(source, index, "many:latest");
      const name = `${registry.host}/many`;
      assert.equal(
        await cli.ok(["run", "--rm", "-q", name, "cat", "/greeting"]),
        `${ARCHITECTURE}\n`,
      );
      const wanted = ["run", "--rm", "-q", "--platform", `linux/${ARCHITECTURE}`, name];
      assert.equal(await cli.ok([...wanted, "cat", "/greeting"]), `${ARCHITECTURE}\n`);
      const missing = await cli.run(["run", "--rm", "-q", "--platform", "linux/riscv64", name]);
      assert.equal(missing.code, 125);
      assert.match(missing.stderr, /^ctr: cannot [^\n]*riscv64[^\n]*\n$/);
    }),
);

test(
  "an image that skopeo converted to Docker's own media types runs",
  NEEDS,
  () =>
    withRegistry(async (cli, registry) => {
      const source = new FakeRegistry();
      await registry.push(source, busyboxImage(source, "docker"), "oci:1");
      await output([
        ...["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false"],
        ...["--dest-tls-verify=false", "--format=v2s2", `docker://${registry.host}/oci:1`],
        `docker://${registry.host}/docker:1`,
      ]);
      const name = `${registry.host}/docker:1`;
      assert.equal(await cli.ok(["run", "--rm", "-q", name, "cat", "/greeting"]), "docker\n");
    }),
);

test("an image runs by digest", NEEDS, () =>
  withRegistry(async (cli, registry) => {
    const source = new FakeRegistry();
    const image = busyboxImage(source, "by digest");
    await registry.push(source, image, "app:1");
    const name = `${registry.host}/app@${image.digest}`;
    assert.equal(await cli.ok(["run", "--rm", "-q", name, "cat", "/greeting"]), "by digest\n");
  }));

test(
  "the image's configuration is the container's",
  NEEDS,
  () =>
    withRegistry(async (cli, registry) => {
      const source = new FakeRegistry();
      const config = {
        Env: ["PATH=/bin", "FROM_IMAGE=yes", "BOTH=image"],
        Entrypoint: ["/bin/sh", "-c"],
        Cmd: ['echo "$FROM_IMAGE $BOTH $(pwd) $(id -u):$(id -g) $(id -G) $HOME"'],
        WorkingDir: "/home/app/work",
        User: "app",
      };
      await registry.push(source, busyboxImage(source, "config", { config }), "configured:1");
      const name = `${registry.host}/configured:1`;
      assert.equal(
        await cli.ok(["run", "--rm", "-q", name]),
        "yes image /home/app/work 1000:1000 1000 2000 /home/app\n",
      );
      assert.equal(
        await cli.ok(["run", "--rm", "-e", "BOTH=flag", "-w", "/tmp", "-u", "0:0", name]),
        "yes flag /tmp 0:0 0 /root\n",
      );
      assert.equal(await cli.ok(["run", "--rm", name, "echo $0 replaced"]), "/bin/sh replaced\n");
      assert.equal(
        await cli.ok(["run", "--rm", "--entrypoint", "/bin/echo", name, "an", "argument"]),
        "an argument\n",
      );
      assert.match(await cli.ok(["images"]), new RegExp(`^${registry.host}/configured +1 `, "m"));
      await cli.ok(["rmi", name]);
      assert.equal((await cli.run(["run", "--rm", "--pull", "never", name])).code, 125);
    }),
);

test(
  "--pull always sees a tag that moved, --pull missing does not",
  NEEDS,
  () =>
    withRegistry(async (cli, registry) => {
      const name = `${registry.host}/moving:latest`;
      const greeting = (...flags: string[]) =>
        cli.ok(["run", "--rm", "-q", ...flags, name, "cat", "/greeting"]);
      const first = new FakeRegistry();
      await registry.push(first, busyboxImage(first, "one"), "moving:latest");
      assert.equal(await greeting(), "one\n");
      const second = new FakeRegistry();
      await registry.push(second, busyboxImage(second, "two"), "moving:latest");
      assert.equal(await greeting("--pull", "missing"), "one\n");
      assert.equal(await greeting("--pull", "always"), "two\n");
      assert.equal(await greeting(), "two\n");
    }),
);

test(
  "two pulls of one image at the same time both succeed",
  NEEDS,
  () =>
    withRegistry(async (cli, registry) => {
      const source = new FakeRegistry();
      await registry.push(source, busyboxImage(source, "both"), "both:1");
      const args = ["run", "--rm", "-q", `${registry.host}/both:1`, "cat", "/greeting"];
      const outputs = await Promise.all([1, 2, 3].map(() => cli.ok(args)));
      assert.deepEqual(outputs, ["both\n", "both\n", "both\n"]);
    }),
);

test("a registry that wants a password gets the one of docker's config", NEEDS, async () => {
  // bcrypt of "secret", as htpasswd -B writes it.
  const htpasswd = "ada:$2y$05$FB3TZ8eGzYHqOIvYjPTrHOTfz0KAiywCWAzHdxKLe1NlfvmODtdKC";
  const registry = await startDockerRegistry({ htpasswd, credentials: "ada:secret" });
  try {
    await withCli("registry-run", async (cli) => {
      const source = new FakeRegistry();
      await registry.push(source, busyboxImage(source, "private"), "private/app:1");
      const name = `${registry.host}/private/app:1`;
      const home = join(cli.root, "home");
      mkdirSync(join(home, ".docker"), { recursive: true });
      const env = { HOME: home, DOCKER_CONFIG: "" };
      const login = (password: string) =>
        writeFileSync(
          join(home, ".docker/config.json"),
          JSON.stringify({ auths: { [registry.host]: { auth: btoa(`ada:${password}`) } } }),
        );
      const refused = await cli.run(["pull", name], { env });
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /unauthorized|authentication required|401/i);
      login("wrong");
      assert.equal((await cli.run(["pull", name], { env })).code, 1);
      login("secret");
      assert.equal(
        await cli.ok(["run", "--rm", "-q", name, "cat", "/greeting"], { env }),
        "private\n",
      );
    });
  } finally {
    await registry.stop();
  }
});
