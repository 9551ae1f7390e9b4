/**
 * `cli/ctr`, the POSIX shell script that finds a runtime.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { needs, which } from "./fixtures/needs.ts";
import { ROOT } from "./fixtures/source_scan.ts";

/** Shells that a `/bin/sh` may be. */
const SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"]] as const;

/** A package whose runtimes are scripts that say how they were called. */
class Package {
  /** With a space, as a path may have. */
  readonly root: string = join(mkdtempSync(join(tmpdir(), "ctr-launcher-")), "a package");
  readonly launcher: string = join(this.root, "cli/ctr");
  readonly path: string = join(this.root, "path");

  constructor() {
    for (const directory of ["cli", "path", "src/a", "ffi/b"]) {
      mkdirSync(join(this.root, directory), { recursive: true });
    }
    copyFileSync(join(ROOT, "cli/ctr"), this.launcher);
    for (const file of ["cli/main.ts", "src/a/b.ts", "ffi/b/c.ts"]) this.write(file, "");
  }

  write(file: string, text: string, seconds = 1000): string {
    const path = join(this.root, file);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
    utimesSync(path, seconds, seconds);
    return path;
  }

  /** A program that prints its name and arguments. */
  program(file: string, script = 'echo "${0##*/}" "$@"'): void {
    chmodSync(this.write(file, `#!/bin/sh\n${script}\n`), 0o755);
  }

  run(
    shell: readonly string[],
    env: Record<string, string> = {},
    launcher = this.launcher,
    cwd = ROOT,
  ) {
    const [program, ...args] = [...shell, launcher, "ps", "a b"];
    const { status, stdout, stderr } = spawnSync(which(program!)!, args, {
      cwd,
      encoding: "utf8",
      env: { PATH: this.path, ...env },
    });
    return { status, stdout: stdout.replaceAll(this.root, "ROOT"), stderr };
  }

  [Symbol.dispose](): void {
    rmSync(join(this.root, ".."), { recursive: true });
  }
}

const onBun = (main: string) => `bun --no-install ${main} ps a b\n`;
const onDeno = "deno run --allow-all --no-prompt --quiet ROOT/cli/main.ts ps a b\n";

for (const shell of SHELLS) {
  const here = needs(`cmd:${shell[0]}`);
  const name = shell.join(" ");

  test(`${name}: Bun is preferred, CTR_RUNTIME chooses`, here, () => {
    using made = new Package();
    made.program("path/deno");
    assert.equal(made.run(shell).stdout, onDeno);
    made.program("node_modules/.bin/bun");
    assert.equal(made.run(shell).stdout, onBun("ROOT/cli/main.ts"));
    assert.equal(made.run(shell, { CTR_RUNTIME: "deno" }).stdout, onDeno);
    const refused = made.run(shell, { CTR_RUNTIME: "node" });
    assert.deepEqual([refused.status, refused.stdout], [125, ""]);
    assert.match(refused.stderr, /^ctr: cannot start: CTR_RUNTIME is "node"[^\n]*\n$/);
  });

  test(`${name}: a directory of a runtime's name is none`, here, () => {
    using made = new Package();
    mkdirSync(join(made.path, "bun"));
    made.program("path/deno");
    assert.equal(made.run(shell).stdout, onDeno);
  });

  test(`${name}: whatever CDPATH says, it installs in its own package`, here, () => {
    using made = new Package();
    made.program("path/npm", 'echo "in $PWD"');
    const elsewhere = join(made.root, "elsewhere");
    mkdirSync(join(elsewhere, "cli"), { recursive: true });
    const { stderr } = made.run(shell, { CDPATH: elsewhere }, "cli/ctr", made.root);
    assert.match(stderr, new RegExp(`^in ${made.root}$`, "m"));
  });

  test(`${name}: a link to it, relative or not, leads to the package`, here, () => {
    using made = new Package();
    made.program("path/bun");
    mkdirSync(join(made.root, "bin"));
    symlinkSync("../cli/ctr", join(made.root, "bin/relative"));
    symlinkSync(join(made.root, "bin/relative"), join(made.root, "bin/absolute"));
    for (const link of ["bin/relative", "bin/absolute"]) {
      const readlink = { PATH: `${made.path}:/usr/bin:/bin` };
      const { stdout, stderr } = made.run(shell, readlink, join(made.root, link));
      assert.match(stdout, /^bun --no-install ROOT\/(bin\/\.\.\/)?cli\/main\.ts ps a b\n$/, stderr);
    }
  });

  test(`${name}: what was built is used, in a working copy while no source is newer`, here, () => {
    using made = new Package();
    made.program("path/bun");
    const built = onBun("ROOT/cli/../dist/cli/main.js");
    const sources = onBun("ROOT/cli/main.ts");
    made.write("dist/cli/main.js", "", 2000);
    assert.equal(made.run(shell).stdout, built);
    for (const source of ["cli/main.ts", "src/a/b.ts", "ffi/b/c.ts"]) {
      made.write(source, "", 3000);
      assert.equal(made.run(shell).stdout, built, "as published");
      made.write(".git", "");
      assert.equal(made.run(shell).stdout, sources, source);
      made.write(source, "");
      assert.equal(made.run(shell).stdout, built);
      rmSync(join(made.root, ".git"));
    }
  });

  test(`${name}: with neither runtime it installs them once, and says so`, here, () => {
    using made = new Package();
    const nothing = made.run(shell);
    assert.deepEqual([nothing.status, nothing.stdout], [125, ""]);
    assert.match(nothing.stderr, /neither Bun nor Deno is installed, and there is no npm/);
    const say = 'echo "npm $*"; echo "$PWD"';
    made.program("path/npm", say);
    const failed = made.run(shell);
    assert.deepEqual([failed.status, failed.stdout], [125, ""]);
    assert.match(failed.stderr, /^ctr: installing Bun and Deno \(once\)\nnpm install .*bun deno\n/);
    assert.match(failed.stderr, /the installation of Bun and Deno failed\n$/);
    made.write("package-lock.json", "{}");
    const path = `${made.path}:/usr/bin:/bin`;
    const bun = 'echo echo ran \\"\\$@\\"';
    made.program(
      "path/npm",
      `${say}; mkdir -p node_modules/.bin; (echo '#!/bin/sh'; ${bun}) > node_modules/.bin/bun; ` +
        "chmod +x node_modules/.bin/bun",
    );
    const clean = path.split(":").filter((dir) => dir === made.path || !hasRuntime(dir)).join(":");
    const first = made.run(shell, { PATH: clean });
    assert.match(first.stderr, /^ctr: installing Bun and Deno \(once\)\nnpm ci /);
    assert.equal(first.stdout, "ran --no-install ROOT/cli/main.ts ps a b\n");
    assert.deepEqual(made.run(shell, { PATH: clean }), { ...first, stderr: "" });
  });
}

function hasRuntime(directory: string): boolean {
  return ["bun", "deno"].some((name) =>
    spawnSync("test", ["-x", join(directory, name)]).status === 0
  );
}
