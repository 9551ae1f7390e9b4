/**
 * The architectures of a seccomp profile as the compiler takes them: the machine's own, and those of
 * the profile that this machine can run besides.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { SYSCALLS_AARCH64, SYSCALLS_X86_64 } from "../linux/mod.ts";
import type { OciSeccomp } from "../oci/mod.ts";
import { AUDIT_ARCH, compileSeccomp, type SeccompArch, X32_BIT } from "./seccomp.ts";
import * as tables from "./syscalls_32.ts";

/** Those of libseccomp. */
const KNOWN =
  /^SCMP_ARCH_(X86|X86_64|X32|ARM|AARCH64|LOONGARCH64|M68K|MIPS|MIPS64|MIPS64N32|MIPSEL|MIPSEL64|MIPSEL64N32|PARISC|PARISC64|PPC|PPC64|PPC64LE|RISCV64|S390|S390X|SH|SHEB)$/;

/** What a machine makes of the names in `architectures`. Others cannot run here, so they mean nothing. */
export function seccompArches(
  native: "x86_64" | "aarch64",
  names: readonly string[] = [],
): SeccompArch[] {
  const unknown = names.find((name) => !KNOWN.test(name));
  if (unknown !== undefined) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "compile seccomp profile",
      subject: unknown,
      reason: "there is no such architecture",
    });
  }
  if (native === "x86_64") {
    const arches: SeccompArch[] = [{ audit: AUDIT_ARCH.x86_64, numbers: SYSCALLS_X86_64 }];
    if (names.includes("SCMP_ARCH_X32")) {
      const numbers = tables.x32Numbers(SYSCALLS_X86_64);
      arches.push({ audit: AUDIT_ARCH.x86_64, numbers, base: X32_BIT });
    }
    if (names.includes("SCMP_ARCH_X86")) {
      arches.push({ audit: AUDIT_ARCH.i386, numbers: tables.i386Numbers() });
    }
    return arches;
  }
  const arches: SeccompArch[] = [{ audit: AUDIT_ARCH.aarch64, numbers: SYSCALLS_AARCH64 }];
  if (names.includes("SCMP_ARCH_ARM")) {
    arches.push({ audit: AUDIT_ARCH.arm, numbers: tables.armNumbers() });
    const numbers = tables.armPrivateNumbers();
    arches.push({ audit: AUDIT_ARCH.arm, numbers, base: tables.ARM_PRIVATE_BASE });
  }
  return arches;
}

/** Compile a profile for a machine. */
export function compileFor(native: "x86_64" | "aarch64", profile: OciSeccomp): Uint8Array {
  return compileSeccomp(profile, seccompArches(native, profile.architectures));
}
