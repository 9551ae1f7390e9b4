/**
 * Makes `dist/`: programs with byte code for Bun, which start in half the time. Run by `npm run build`.
 *
 * What every `ctr run` needs is one program, and everything else another that the first one loads
 * when it is needed: a megabyte of byte code costs 2 ms to load, used or not. The few modules whose
 * classes and variables must be one and the same in both are in the first, and the second finds them
 * there.
 *
 * @module
 */

import { rmSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = import.meta.dirname;

/** The programs, and what each loads when needed, which is always. */
const PROGRAMS = {
  "cli/main.ts": [
    "cli/run.ts",
    "src/runtime/cgroup_v1.ts",
    "src/runtime/cgroup_v2.ts",
    "src/runtime/cgroup_remove.ts",
  ],
  "cli/oci/main.ts": [
    "cli/oci/create.ts",
    "cli/oci/foreground.ts",
    "cli/oci/run.ts",
    "src/runtime/validate.ts",
    "src/runtime/validate_host.ts",
    "src/runtime/cgroup_v1.ts",
    "src/runtime/cgroup_v2.ts",
    "src/runtime/cgroup_remove.ts",
  ],
  // What an idle shim has loaded costs memory once per container.
  "src/shim/main.ts": [
    "src/runtime/cgroup_v1.ts",
    "src/runtime/cgroup_v2.ts",
    "src/runtime/cgroup_remove.ts",
    "src/runtime/exec.ts",
  ],
};

/** Classes that are told apart, and variables that all of a process share. */
const SHARED = [
  "cli/flags.ts",
  "ffi/mod.ts",
  "src/content/blob_directory.ts",
  "src/errors.ts",
  "src/program/run.ts",
  "src/runtime/process.ts",
  "src/shim/spawn.ts",
  "src/snapshot/_delete_tree.ts",
  "src/state/database.ts",
  "src/trace.ts",
];

/** How the first program asks for the second: a module of its own, so that its name is shortened. */
const LATER =
  "export const ctrLater = async (path) => await require('./later.js').modules[path]();";

const strip = new Bun.Transpiler({ loader: "ts", target: "bun" });
const sourceOf = (path) => Bun.file(join(ROOT, path)).text();

/** Modules that are imported dynamically, from the root, in the source of a module. */
function lazyImports(path, code) {
  return strip.scanImports(code).filter(({ kind, path: to }) =>
    kind === "dynamic-import" && to.startsWith(".")
  )
    .map((found) => relative(ROOT, resolve(ROOT, dirname(path), found.path)));
}

/** Modules that the runtime brings are there without the 0.4 ms that `require` takes in the beginning. */
function builtIn(code) {
  return code.replace(
    /^import \{([^}]*)\} from "(node:\w+)";/gm,
    (_, names, module) =>
      `const {${names.replaceAll(" as ", ": ")}} = process.getBuiltinModule("${module}");`,
  );
}

/** SQL is as good without its comments and indentation. */
const SCHEMA = "src/state/schema.ts";
const shortened = (code) =>
  code.replace(/`[^`]*`/g, (sql) => sql.replace(/^ *-- .*\n/gm, "").replace(/\s*\n\s*/g, " "));

/** Everything that a program loads, whether at once or later. */
async function reachable(entry) {
  const found = new Set([entry]);
  for (const path of found) {
    for (const { path: to } of strip.scanImports(await sourceOf(path))) {
      if (to.startsWith(".")) found.add(relative(ROOT, resolve(ROOT, dirname(path), to)));
    }
  }
  return [...found];
}

/** What a program for Bun does not need, and tables that a machine makes only if they are its own. */
const bunOnly = {
  name: "bun only",
  setup(build) {
    build.onLoad({ filter: /\/linux\/syscalls_(x86_64|aarch64)\.ts$/ }, async ({ path }) => {
      const arch = path.endsWith("x86_64.ts") ? "x64" : "arm64";
      const code = strip.transformSync(await Bun.file(path).text());
      return { contents: code.replace(" = {", ` = process.arch === "${arch}" && {`), loader: "js" };
    });
    build.onLoad({ filter: /\/ffi\/deno\.ts$/ }, () => ({
      contents: "export function denoDoor() {}",
      loader: "js",
    }));
  },
};

/**
 * The first program: what is not hot is asked of the second, and what is shared is offered to it.
 *
 * @param shared gets the paths of what is offered
 */
const first = (main, shared) => ({
  name: "first",
  setup(build) {
    build.onResolve({ filter: /^\.\/later\.js$/ }, ({ path }) => ({ path, external: true }));
    build.onResolve({ filter: /^ctr:later$/ }, ({ path }) => ({ path, namespace: "later" }));
    build.onLoad({ filter: /./, namespace: "later" }, () => ({ contents: LATER, loader: "js" }));
    build.onLoad({ filter: /\.ts$/ }, async ({ path: absolute }) => {
      const path = relative(ROOT, absolute);
      const code = path === SCHEMA ? shortened(await sourceOf(path)) : await sourceOf(path);
      const imports = new Map();
      let contents = builtIn(strip.transformSync(code)).replace(
        /\bimport\((["'])(\.[^"']+)\1\)/g,
        (_, _quote, to) => {
          const lazy = relative(ROOT, resolve(ROOT, dirname(path), to));
          if (!PROGRAMS[main].includes(lazy)) return `ctrLater(${JSON.stringify(lazy)})`;
          imports.set(lazy, imports.get(lazy) ?? `hot${imports.size}`);
          return `Promise.resolve(${imports.get(lazy)})`;
        },
      );
      for (const [lazy, name] of imports) {
        contents = `import * as ${name} from ${JSON.stringify(join(ROOT, lazy))};\n${contents}`;
      }
      contents = `import { ctrLater } from "ctr:later";\n${contents}`;
      if (SHARED.includes(path)) {
        shared.add(path);
        const names = strip.scan(code).exports.join(", ");
        contents += `\n(globalThis.ctrShared ??= {})[${
          JSON.stringify(path)
        }] = () => ({ ${names} });`;
      }
      return { contents, loader: "js" };
    });
  },
});

/** The second program: an entry per module that is loaded when needed. */
const second = (main, shared) => ({
  name: "second",
  setup(build) {
    build.onResolve({ filter: /\/later\.ts$/ }, ({ path }) => ({ path, namespace: "made" }));
    build.onLoad({ filter: /./, namespace: "made" }, async () => ({
      contents: `export const modules = {${
        (await lazyModules(main)).map((path) =>
          `${JSON.stringify(path)}: () => import(${JSON.stringify(join(ROOT, path))}),`
        ).join("\n")
      }};`,
      loader: "js",
    }));
    build.onLoad({ filter: /\.ts$/ }, async ({ path: absolute }) => {
      const path = relative(ROOT, absolute);
      const code = await sourceOf(path);
      if (!shared.has(path)) return { contents: code, loader: "ts" };
      const names = strip.scan(code).exports.join(", ");
      const contents = `export const { ${names} } = globalThis.ctrShared[${
        JSON.stringify(path)
      }]();`;
      return { contents, loader: "js" };
    });
  },
});

/** All modules that a program loads when needed. */
async function lazyModules(main) {
  const lazy = new Set();
  for (const path of await reachable(main)) {
    for (const found of lazyImports(path, await sourceOf(path))) lazy.add(found);
  }
  return [...lazy].sort();
}

async function bundle(entry, ...plugins) {
  const { success, logs } = await Bun.build({
    entrypoints: [join(ROOT, entry)],
    root: ROOT,
    outdir: join(ROOT, "dist"),
    target: "bun",
    format: "cjs",
    bytecode: true,
    // Libraries stay where they are installed: what is rare must not make the second program larger.
    packages: "external",
    minify: { whitespace: true, syntax: true, identifiers: true, keepNames: true },
    plugins: [bunOnly, ...plugins],
  });
  if (!success) throw new AggregateError(logs, `cannot build ${entry}`);
}

rmSync(join(ROOT, "dist"), { recursive: true, force: true });
for (const main of Object.keys(PROGRAMS)) {
  const shared = new Set();
  await bundle(main, first(main, shared));
  await bundle(`${dirname(main)}/later.ts`, second(main, shared));
}
await bundle("src/image/unpack_worker.ts");
