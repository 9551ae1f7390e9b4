/**
 * Much through a container's streams, and several clients at once: nothing is lost, and nobody waits for
 * others.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { attach, type Engine, runContainer, runDetached } from "../../src/task/mod.ts";
import { SHIM_KINDS, withEngine } from "../fixtures/engine.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "overlayfs", "cgroup");
const MB = 1_000_000;

/** Counts and hashes what comes. */
function sink() {
  const hash = createHash("sha256");
  const counted = { length: 0, digest: () => hash.digest("hex") };
  const onOutput = (_: number, bytes: Uint8Array) => {
    counted.length += bytes.length;
    hash.update(bytes);
  };
  return { counted, onOutput };
}

for (const kind of SHIM_KINDS) {
  test(
    `100 MB come out of a pipe, to the last byte (${kind})`,
    here,
    () =>
      withEngine("stdio-out", kind, async ({ engine }) => {
        const { counted, onOutput } = sink();
        const script = "yes 0123456789 | head -c 100000000; printf end";
        const result = await runContainer(engine, {
          image: "host",
          command: ["sh", "-c", script],
          autoRemove: true,
          logDriver: "none",
          onOutput,
        });
        assert.deepEqual([result.exitCode, counted.length], [0, 100 * MB + 3]);
        const expected = createHash("sha256");
        const line = "0123456789\n".repeat(100_000);
        const whole = Math.floor(100 * MB / line.length);
        for (let i = 0; i < whole; i++) expected.update(line);
        expected.update(line.slice(0, 100 * MB - whole * line.length)).update("end");
        assert.equal(counted.digest(), expected.digest("hex"));
      }),
  );

  test(
    `any bytes go through a container and back, and end with its input (${kind})`,
    here,
    () =>
      withEngine("stdio-through", kind, async ({ engine }) => {
        const bytes = new Uint8Array(20 * MB);
        for (let i = 0; i < bytes.length; i++) bytes[i] = i ^ (i >> 7) ^ (i >> 15);
        const { counted, onOutput } = sink();
        const result = await runContainer(engine, {
          image: "host",
          command: ["cat"],
          openStdin: true,
          autoRemove: true,
          logDriver: "none",
          onOutput,
          onStarted: async (running) => {
            for (let at = 0; at < bytes.length; at += 1 << 16) {
              await running.writeStdin(bytes.subarray(at, at + (1 << 16)));
            }
            running.endStdin();
          },
        });
        assert.deepEqual([result.exitCode, counted.length], [0, bytes.length]);
        assert.equal(counted.digest(), createHash("sha256").update(bytes).digest("hex"));
      }),
  );
}

/** Attach, and collect the text until the end of the container. */
async function follow(engine: Engine, name: string, attached: () => void): Promise<string> {
  const { attachContainer } = await attach();
  let text = "";
  await attachContainer(engine, name, {
    onOutput: (_, bytes) => text += new TextDecoder().decode(bytes),
    onStarted: attached,
  });
  return text;
}

test(
  "several clients see the same from when they came to the last byte",
  here,
  () =>
    withEngine("stdio-clients", "own shim", async ({ engine }) => {
      const script = "while [ ! -e /go/now ]; do sleep 0.05; done; seq 20000; echo end";
      const directory = mkdtempSync(join(tmpdir(), "ctr-test-stdio-go-"));
      try {
        await runDetached(engine, {
          image: "host",
          command: ["sh", "-c", script],
          name: "web",
          mounts: [{
            type: "bind",
            source: directory,
            destination: "/go",
            readonly: true,
            options: [],
          }],
        });
        const clients: Promise<string>[] = [];
        for (const _ of [1, 2, 3]) {
          await new Promise<void>((resolve) => clients.push(follow(engine, "web", resolve)));
        }
        writeFileSync(`${directory}/now`, "");
        const [first, ...others] = await Promise.all(clients);
        assert.equal(first!.split("\n").length, 20_002);
        assert.ok(first!.endsWith("20000\nend\n"));
        for (const other of others) assert.equal(other, first);
      } finally {
        rmSync(directory, { recursive: true });
      }
    }),
);
