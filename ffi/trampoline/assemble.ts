/**
 * Makes `code.ts` from the assembler sources: `bun ffi/trampoline/assemble.ts`, or `deno run -A`.
 * The test beside it fails when `code.ts` is not what this makes.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sharedObject } from "../elf.ts";

/** The binutils of each architecture on Debian. */
export const BINUTILS = {
  x86_64: process.arch === "x64" ? "" : "x86_64-linux-gnu-",
  aarch64: process.arch === "arm64" ? "" : "aarch64-linux-gnu-",
} as const;

/** Assemble one architecture's source into the shared object, base64. */
export function assemble(arch: "x86_64" | "aarch64"): string {
  const dir = mkdtempSync(join(tmpdir(), "ctr-trampoline-"));
  const tool = (name: string, ...args: string[]): string => {
    const done = spawnSync(BINUTILS[arch] + name, args, { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`${name}: ${done.stderr}`);
    return done.stdout;
  };
  try {
    tool("as", join(import.meta.dirname!, `${arch}.S`), "-o", `${dir}/o`);
    tool("objcopy", "-O", "binary", "-j", ".text", `${dir}/o`, `${dir}/text`);
    const symbols = tool("nm", "--defined-only", `${dir}/o`).split("\n")
      .map((line) => line.split(" "))
      .filter(([, type]) => type === "T")
      .map(([value, , name]) => ({ name: name!, offset: parseInt(value!, 16) }));
    const object = sharedObject(arch, readFileSync(`${dir}/text`), symbols);
    return Buffer.from(object).toString("base64");
  } finally {
    rmSync(dir, { recursive: true });
  }
}

if (import.meta.main) {
  const constants = (["x86_64", "aarch64"] as const)
    .map((arch) => `  ${arch}:\n    "${assemble(arch)}",\n`);
  writeFileSync(
    join(import.meta.dirname!, "code.ts"),
    `/**
 * The trampoline of each architecture as a shared object, base64; made by \`assemble.ts\` from the
 * assembler sources beside this file.
 *
 * @module
 */

export const TRAMPOLINE: Readonly<Record<"x86_64" | "aarch64", string>> = {
${constants.join("")}};
`,
  );
}
