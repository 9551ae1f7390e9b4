/**
 * Enforces "Who may import whom" from the text of the sources.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  ENTRIES,
  floorOf,
  FLOORS,
  isTest,
  MOST_LINES,
  OPEN,
  roomOf,
  TABLES,
} from "./fixtures/rooms.ts";
import { type Module, readModules, repositoryFiles, ROOT, scan } from "./fixtures/source_scan.ts";

const modules = readModules();
const sources = [...modules.values()].filter(({ path }) => !isTest(path));

/** Modules of ours that a module imports. */
function ours(module: Module): { from: string; to: string }[] {
  return module.imports.filter(({ target }) => modules.has(target))
    .map(({ target }) => ({ from: module.path, to: target }));
}

/** How a program comes to load a module, for the message. */
function chain(to: string): string {
  const queue = ["mod.ts", "cli/main.ts", ...ENTRIES].filter((path) => modules.has(path))
    .map((path) => [path]);
  const seen = new Set<string>();
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const last = path.at(-1)!;
    if (last === to) return path.join(" → ");
    if (seen.has(last)) continue;
    seen.add(last);
    for (const next of ours(modules.get(last)!)) queue.push([...path, next.to]);
  }
  return to;
}

function none(violations: readonly string[]): void {
  assert.equal(violations.length, 0, `\n  ${violations.join("\n  ")}`);
}

function uses(word: RegExp, allowed: (path: string) => boolean): string[] {
  return sources.filter(({ path }) => !allowed(path)).flatMap(({ path, code }) =>
    code.split("\n").flatMap((line, index) =>
      word.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : []
    )
  );
}

test("every import of a file of ours names a file that exists", () => {
  none(
    [...modules.values()].flatMap(({ path, imports }) =>
      imports.filter(({ target }) => /^(src|ffi|cli|tests|bench)\/|^mod\.ts/.test(target))
        .filter(({ target }) => target.endsWith(".ts") && !modules.has(target))
        .map(({ target }) => `${path} imports ${target}, which does not exist`)
    ),
  );
});

test("imports between rooms go downwards", () => {
  none(
    sources.flatMap(ours).flatMap(({ from, to }) => {
      if (OPEN.includes(to)) return [];
      const [room, other] = [roomOf(from), roomOf(to)];
      if (room === other || (floorOf(room) === floorOf(other) && room === "cli")) return [];
      if (floorOf(room) === -1) return [`${from}: room ${room} stands on no floor`];
      const down = floorOf(other) !== -1 && floorOf(other) < floorOf(room);
      const alike = FLOORS.at(floorOf(room))!.includes("mod.ts") && other === "cli";
      return down || alike ? [] : [`${chain(from)} → ${to} (${room} may not import ${other})`];
    }),
  );
});

test("imports between rooms go through the other room's mod.ts", () => {
  none(
    [...modules.values()].filter(({ path }) => roomOf(path) !== "tests" && roomOf(path) !== "bench")
      .flatMap(ours).flatMap(({ from, to }) => {
        if (OPEN.includes(to) || roomOf(from) === roomOf(to) || isTest(to)) return [];
        const door = to === "mod.ts" || /^(ffi|cli|src\/\w+)\/mod\.ts$/.test(to) ||
          (from === "mod.ts" && to === "cli/main.ts");
        return door ? [] : [`${chain(from)} → ${to}`];
      }),
  );
});

test("no file imports its own room's mod.ts", () => {
  none(
    sources.flatMap(ours)
      .filter(({ from, to }) => to.endsWith("/mod.ts") && roomOf(from) === roomOf(to))
      .map(({ from, to }) => `${from} → ${to}`),
  );
});

test("no modules import each other in a circle", () => {
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]): string[] => {
    if (above.includes(path)) return [[...above.slice(above.indexOf(path)), path].join(" → ")];
    if (done.has(path)) return [];
    const next = modules.get(path)!.imports.filter(({ target, typeOnly, dynamic }) =>
      modules.has(target) && !typeOnly && !dynamic
    );
    const found = next.flatMap(({ target }) => visit(target, [...above, path]));
    done.add(path);
    return found;
  };
  none(sources.flatMap(({ path }) => visit(path, [])));
});

test("errors and trace import nothing", () => {
  none(
    OPEN.flatMap((path) => modules.get(path)!.imports.map(({ target }) => `${path} → ${target}`)),
  );
});

test("oci and linux are vocabulary: no I/O, no clock, no environment", () => {
  const vocabulary = sources.filter(({ path }) => /^src\/(oci|linux)\//.test(path));
  const pure = ["node:buffer", "node:crypto", "node:util"];
  none([
    ...vocabulary.flatMap(({ path, imports }) =>
      imports.filter(({ target }) => !modules.has(target) && !pure.includes(target))
        .map(({ target }) => `${path} → ${target}`)
    ),
    ...uses(
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|Math\.random|\bfetch\(|\bprocess\./,
      (path) => !vocabulary.some((module) => module.path === path),
    ),
  ]);
});

test("only ffi knows which runtime it runs on", () => {
  const inFfi = (path: string) => path.startsWith("ffi/");
  none([
    ...uses(/(?<![\w.$])(?:Deno|Bun)\b(?!["'])/, inFfi),
    ...uses(
      /process\.versions|globalThis\.(?:Deno|Bun)|process\.isBun|navigator\.userAgent/,
      inFfi,
    ),
    ...sources.filter(({ path }) => !inFfi(path)).flatMap(({ path, imports }) =>
      imports.filter(({ target }) => /^(bun|jsr|deno)(:|$)/.test(target))
        .map(({ target }) => `${path} → ${target}`)
    ),
  ]);
});

test("only the command line and programs print, read arguments or environment, and exit", () => {
  const allowed = (path: string) => path.startsWith("cli/") || ENTRIES.includes(path);
  // A local named `process` is a container's process.
  const local = (path: string) =>
    /\b(?:const|let|var)\s+process\b|[({,]\s*process\s*(?:[:,})]|\?:)|\bof process\b/
      .test(modules.get(path)!.code);
  none([
    ...uses(/(?<![\w.$])console\s*\./, allowed),
    ...uses(
      /(?<![\w.$])process\s*\.\s*(?:exit|exitCode|argv|env|std(?:in|out|err))\b/,
      (path) => allowed(path) || local(path),
    ),
    ...sources.filter(({ path }) => !allowed(path)).flatMap(({ path, imports }) =>
      imports.filter(({ target }) => target === "node:process" || target === "process")
        .map(({ target }) => `${path} → ${target}`)
    ),
  ]);
});

test("sources import only node: built-ins, packages that package.json names, and each other", () => {
  const { dependencies = {}, devDependencies = {} } = json("package.json") as {
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
  };
  none(
    [...modules.values()].flatMap(({ path, imports }) =>
      imports.filter(({ target, typeOnly }) => {
        if (modules.has(target) || target.startsWith("node:")) return false;
        if (target.startsWith("bun:") && path.startsWith("ffi/")) return false;
        const name = target.split("/").slice(0, target.startsWith("@") ? 2 : 1).join("/");
        return !(name in dependencies || ((isTest(path) || typeOnly) && name in devDependencies));
      }).filter(({ target }) => !target.endsWith(".ts"))
        .map(({ target }) => `${path} → ${target}`)
    ),
  );
});

test("a file holds one idea", () => {
  none(
    sources.filter(({ path, lines }) => lines > MOST_LINES && !TABLES.includes(path))
      .map(({ path, lines }) => `${path} has ${lines} lines, at most ${MOST_LINES} are one idea`),
  );
});

test("deno.json and package.json export the same modules, and they exist", () => {
  const [deno, npm] = [json("deno.json"), json("package.json")] as [
    { exports: Record<string, string>; version: string; name: string },
    { exports: Record<string, string>; version: string; name: string },
  ];
  assert.deepEqual(deno.exports, npm.exports);
  assert.equal(deno.name, npm.name);
  assert.equal(deno.version, npm.version);
  none(
    Object.values(deno.exports).map((path) => path.replace(/^\.\//, ""))
      .filter((path) => !modules.has(path)).map((path) => `${path} is exported and does not exist`),
  );
});

test("the repository holds text only", () => {
  none(repositoryFiles().filter((path) => readFileSync(join(ROOT, path)).includes(0)));
});

test("the scanner tells code from comments, strings, templates and patterns", () => {
  const text = 'a("x // y") /* b */ + `c ${d("e")} \\` f` // g\n/h"/.test(i) / 2 / j';
  const { code } = scan(text);
  assert.equal(
    code.replace(/ +/g, " "),
    'a(" ") + ` ${d(" ")} ` \n/ /.test(i) / 2 / j',
  );
});

function json(path: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, path), "utf8"));
}
