/**
 * Platforms: `linux/arm64/v8`. Spellings are normalised and candidates ordered as containerd does.
 *
 * @see https://github.com/containerd/platforms
 * @module
 */

import { CtrError } from "../errors.ts";

/** What an image is made for. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** `v7` of arm; absent where it is the ordinary one. */
  readonly variant?: string | undefined;
}

const SYSTEMS: readonly string[] =
  "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos"
    .split(" ");
const ARCHITECTURES: readonly string[] =
  "386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm"
    .split(" ");

/**
 * Parse `linux/arm/v7`, `linux/amd64`, `arm64`, `linux`; what is left out is taken from `host`.
 *
 * @throws {CtrError} `invalid_argument`
 */
export function parsePlatform(text: string, host: Platform): Platform {
  const parts = text.split("/");
  if (parts.length > 3 || parts.some((part) => !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(part))) {
    throw invalid(text, "it is not OS/ARCHITECTURE[/VARIANT]");
  }
  const [first, architecture, variant] = parts as [string, string?, string?];
  if (architecture !== undefined) {
    return normalizePlatform({ os: first, architecture, variant });
  }
  if (SYSTEMS.includes(normalizeSystem(first))) return normalizePlatform({ ...host, os: first });
  const alone = normalizePlatform({ os: host.os, architecture: first });
  if (ARCHITECTURES.includes(alone.architecture)) return alone;
  throw invalid(text, "it is neither an operating system nor an architecture");
}

/** One spelling for what is the same: `x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`. */
export function normalizePlatform({ os, architecture, variant = "" }: Platform): Platform {
  const [cpu, version] = normalizeCpu(architecture.toLowerCase(), variant.toLowerCase());
  const system = normalizeSystem(os);
  return version === ""
    ? { os: system, architecture: cpu }
    : { os: system, architecture: cpu, variant: version };
}

function normalizeSystem(os: string): string {
  const lower = os.toLowerCase();
  return lower === "macos" ? "darwin" : lower;
}

function normalizeCpu(cpu: string, variant: string): [string, string] {
  switch (cpu) {
    case "i386":
      return ["386", ""];
    case "x86_64":
    case "x86-64":
    case "amd64":
      return ["amd64", variant === "v1" ? "" : variant];
    case "aarch64":
    case "arm64":
      if (/^(8|v8|v8\.0)$/.test(variant)) return ["arm64", ""];
      return ["arm64", /^(9|9\.0|v9\.0)$/.test(variant) ? "v9" : variant];
    case "armhf":
      return ["arm", "v7"];
    case "armel":
      return ["arm", "v6"];
    case "arm":
      return ["arm", variant === "" ? "v7" : variant.replace(/^(?=[5-8]$)/, "v")];
    default:
      return [cpu, variant];
  }
}

/** `linux/arm/v7`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`;
}

/**
 * What a machine runs, best first: a newer variant runs the older ones, amd64 also 386, and arm64
 * also 32-bit arm.
 *
 * @param strict only the architecture itself: what a person who names a platform means
 */
export function platformChoices(
  platform: Platform,
  options: { readonly strict?: boolean } = {},
): readonly Platform[] {
  const wanted = normalizePlatform(platform);
  const { os, architecture, variant = "" } = wanted;
  const choices: Platform[] = [wanted];
  const add = (cpu: string, version: string): void =>
    void choices.push(normalizePlatform({ os, architecture: cpu, variant: version }));
  const version = /^v([0-9]+)$/.exec(variant)?.[1];
  if (architecture === "amd64") {
    for (let v = Number(version ?? 1) - 1; v >= 1 && v < 10; v--) add("amd64", `v${v}`);
    if (options.strict !== true) add("386", "");
  } else if (architecture === "arm") {
    for (let v = Number(version ?? 0) - 1; v >= 5 && v < 10; v--) add("arm", `v${v}`);
  } else if (architecture === "arm64") {
    if (variant !== "") add("arm64", "v8");
    if (options.strict !== true) { for (let v = 8; v >= 5; v--) add("arm", `v${v}`); }
  }
  return choices;
}

/** An entry of an index that may be for a platform. */
export interface PlatformOffer {
  readonly platform?: Platform | undefined;
}

/**
 * The entry of an index that fits a machine best, the first of equals. Entries without a platform
 * and those for `unknown` (attestations) fit none.
 */
export function choosePlatform<T extends PlatformOffer>(
  offers: readonly T[],
  platform: Platform,
  options: { readonly strict?: boolean } = {},
): T | undefined {
  const known = offers.flatMap((offer) =>
    offer.platform === undefined || offer.platform.os === "unknown"
      ? []
      : [{ offer, text: formatPlatform(normalizePlatform(offer.platform)) }]
  );
  for (const choice of platformChoices(platform, options)) {
    const text = formatPlatform(choice);
    const found = known.find((each) => each.text === text);
    if (found !== undefined) return found.offer;
  }
  return undefined;
}

function invalid(subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "use platform", subject, reason });
}
