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
import { CODE, sharedObject } from "../elf.ts";

/** The binutils of each architecture on Debian. */
export const BINUTILS = {
  x86_64: process.arch === "x64" ? "" : "x86_64-linux-gnu-",
  aarch64: process.arch === "arm64" ? "" : "aarch64-linux-gnu-",
} as const;

/** What `code.ts` holds of an architecture. */
export interface Assembled {
  /** The shared object, base64. */
  readonly object: string;
  /** Where the parameters are in it. */
  readonly parameters: number;
}

/** Assemble one architecture's source. */
export function assemble(arch: "x86_64" | "aarch64"): Assembled {
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
    const { offset } = symbols.find(({ name }) => name === "ctr_parameters")!;
    const code = readFileSync(`${dir}/text`);
    const object = sharedObject(
      arch,
      code,
      symbols.filter(({ name }) => name !== "ctr_parameters"),
    );
    return { object: Buffer.from(object).toString("base64"), parameters: CODE + offset };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

if (import.meta.main) {
  const made = (["x86_64", "aarch64"] as const).map((arch) => ({ arch, ...assemble(arch) }));
  const objects = made.map(({ arch, object }) => `  ${arch}:\n    "${object}",\n`);
  const parameters = made.map(({ arch, parameters }) => `  ${arch}: ${parameters},\n`);
  writeFileSync(
    join(import.meta.dirname!, "code.ts"),
    `/**
 * The trampoline of each architecture as a shared object, base64; made by \`assemble.ts\` from the
 * assembler sources beside this file.
 *
 * @module
 */

export const TRAMPOLINE: Readonly<Record<"x86_64" | "aarch64", string>> = {
${objects.join("")}};

/** Where the parameters of the program that the object is are in it. */
export const PARAMETERS: Readonly<Record<"x86_64" | "aarch64", number>> = {
${parameters.join("")}};
`,
  );
}
