import assert from "node:assert/strict";
import { test } from "node:test";
import { type Layer, layerLine, layerLines, pullProgress } from "./progress.ts";

const layer = (part: Partial<Layer>): Layer => ({
  id: "a1b2c3d4e5f6",
  status: "downloading",
  current: 0,
  total: 0,
  since: 0,
  ...part,
});

function events(first: { width: number; height: number } | undefined) {
  let written = "";
  let clock = 0;
  let size = first;
  let resized: (() => void) | undefined;
  const show = pullProgress(
    {
      write: (text) => written += text,
      size: () => size,
      now: () => clock,
      onResize: (redraw) => {
        resized = redraw;
        return () => resized = undefined;
      },
    },
    "Using default tag: latest\n",
  );
  return {
    show,
    resize: (width: number) => {
      size = { width, height: 24 };
      resized?.();
    },
    tick: (ms: number) => void (clock += ms),
    taken: () => {
      const text = written;
      written = "";
      return text;
    },
  };
}

const ID = "sha256:a1b2c3d4e5f60000";

test("pullProgress() writes a line per change where there is no terminal", () => {
  const { show, taken } = events(undefined);
  show({ status: "resolving", message: "docker.io/library/alpine:latest" });
  assert.equal(taken(), "");
  show({ status: "waiting", id: ID });
  assert.equal(taken(), "Using default tag: latest\nPulling alpine:latest\n");
  show({ status: "downloading", id: ID, current: 1, total: 9 });
  show({ status: "downloading", id: ID, current: 5, total: 9 });
  show({ status: "unpacking", id: ID });
  show({ status: "done", id: ID });
  show({ status: "exists", id: "sha256:ffff" });
  show({ status: "done", message: "sha256:1234" });
  assert.equal(
    taken(),
    "a1b2c3d4e5f6: Downloading\na1b2c3d4e5f6: Extracting\na1b2c3d4e5f6: Pull complete\n" +
      "ffff: Already exists\nDigest: sha256:1234\n",
  );
});

test("pullProgress() draws over what it drew on a terminal", () => {
  const { show, tick, taken } = events({ width: 80, height: 24 });
  show({ status: "resolving", message: "docker.io/library/alpine:latest" });
  show({ status: "waiting", id: ID });
  assert.match(taken(), /Pulling alpine:latest\n\ra1b2c3d4e5f6: Waiting\x1b\[K\n\x1b\[J$/);
  show({ status: "downloading", id: ID, current: 0, total: 1000 });
  const drawn = taken();
  assert.match(drawn, /^\x1b\[1A\ra1b2c3d4e5f6: Downloading \[> +\]/);
  assert.match(drawn, /Total: 0B\/1kB/);
  // Too soon to draw again, then not.
  show({ status: "downloading", id: ID, current: 500, total: 1000 });
  assert.equal(taken(), "");
  tick(1000);
  show({ status: "downloading", id: ID, current: 500, total: 1000 });
  const again = taken();
  assert.ok(again.startsWith("\x1b[2A\ra1b2c3d4e5f6: Downloading [==="), again);
  assert.ok(again.includes("500B/1kB  500B/s\x1b[K\n\rTotal: 500B/1kB"), again);
});

test("pullProgress() draws again in the rows that a narrower terminal has made of its lines", () => {
  const { show, resize, taken } = events({ width: 80, height: 24 });
  show({ status: "resolving", message: "docker.io/library/alpine:latest" });
  show({ status: "downloading", id: ID, current: 0, total: 1000 });
  taken();
  resize(40);
  // 72 columns were two rows, and the total is one.
  assert.ok(taken().startsWith("\x1b[3A\ra1b2c3d4e5f6: Downloading 0B/1kB\x1b[K\n"));
  resize(100);
  assert.ok(taken().startsWith("\x1b[2A\ra1b2c3d4e5f6: Downloading [>"));
  show({ status: "done", message: "sha256:1234" });
  taken();
  resize(40);
  assert.equal(taken(), "", "the screen is somebody else's now");
});

test("layerLine() fits narrow terminals", () => {
  const one = layer({ current: 50_000_000, total: 100_000_000 });
  const line = (width: number) => layerLine(one, width, 1000);
  assert.equal(
    line(100),
    "a1b2c3d4e5f6: Downloading [=========================>                         ]".slice(0, 77) +
      "]  50MB/100MB  50MB/s",
  );
  assert.match(line(70), /\[=+> +\] {2}50MB\/100MB {2}50MB\/s$/);
  assert.match(line(54), /\[=+> +\] {2}50MB\/100MB$/);
  assert.equal(line(45), "a1b2c3d4e5f6: Downloading 50MB/100MB");
  for (let width = 5; width < 120; width++) assert.ok(line(width).length < width, `${width}`);
  const full = layer({ current: 9, total: 9 });
  assert.match(layerLine(full, 80, 0), /\[=+\] {2}9B\/9B {2}0B\/s$/);
});

test("layerLines() shows what is going on when there are too many layers", () => {
  const layers = Array.from({ length: 30 }, (_, index) =>
    layer({
      id: `${index}`,
      status: index < 20 ? "done" : "downloading",
      current: index < 20 ? 100 : 40,
      total: 100,
    }));
  const lines = layerLines(layers, { width: 80, height: 15, now: 1000 });
  assert.equal(lines.length, 13);
  assert.match(lines[0]!, /^18: Pull complete/);
  assert.match(lines[11]!, /^29: Downloading/);
  assert.equal(lines[12], "Total: 2.4kB/3kB  400B/s  18 more");
});
