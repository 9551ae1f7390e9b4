/**
 * Makes the built-in image `host`: a directory with mount points, a minimal `/etc` and empty
 * directories, committed as a snapshot whose *subtrees* are the host's `/usr` and what else holds
 * programs on this distribution. Nothing else of the host is in it, and from `/etc` only the files
 * of {@link ETC}, and of those only what everybody may read.
 *
 * @module
 */

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { CtrError } from "../errors.ts";
import {
  canOverlay,
  rootAttributes,
  type Snapshotter,
  type Subtree,
  SUBTREES,
} from "../snapshot/mod.ts";
import { isAlreadyExists } from "../errors.ts";
import { HOST, HOST_STAMP, hostStamp } from "./host.ts";

/** A generated tree, committed as a snapshot. */
export interface HostTree {
  readonly stamp: string;
  /** The layer blob: JSON that says what the tree shows. Its digest is also the chain ID. */
  readonly layer: Uint8Array;
  readonly chainId: string;
}

/** Files and directories copied from the host, with what they link to inside of them. */
const ETC = [
  "alternatives",
  "ca-certificates",
  "ca-certificates.conf",
  "debian_version",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "localtime",
  "mime.types",
  "nsswitch.conf",
  "os-release",
  "pki/ca-trust/extracted",
  "pki/tls/cert.pem",
  "pki/tls/certs",
  "pki/tls/openssl.cnf",
  "protocols",
  "resolv.conf",
  "services",
  "shells",
  "ssl/cert.pem",
  "ssl/certs",
  "ssl/openssl.cnf",
];

/** Directories of programs. Links stay links; a directory becomes a subtree. */
const PROGRAMS = [
  "usr",
  "bin",
  "sbin",
  "lib",
  "lib32",
  "lib64",
  "libx32",
  "nix/store",
  "gnu/store",
];

const EMPTY: readonly (readonly [path: string, mode: number])[] = [
  ["boot", 0o755],
  ["dev", 0o755],
  ["etc", 0o755],
  ["home", 0o755],
  ["media", 0o755],
  ["mnt", 0o755],
  ["opt", 0o755],
  ["proc", 0o555],
  ["root", 0o700],
  ["run", 0o755],
  ["run/lock", 0o1777],
  ["srv", 0o755],
  ["sys", 0o555],
  ["tmp", 0o1777],
  ["var", 0o755],
  ["var/cache", 0o755],
  ["var/lib", 0o755],
  ["var/log", 0o755],
  ["var/spool", 0o755],
  ["var/tmp", 0o1777],
];

const LINKS = [
  ["etc/mtab", "/proc/mounts"],
  ["var/run", "/run"],
  ["var/lock", "/run/lock"],
] as const;

const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n" +
    "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n" +
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  "etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n",
  "etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
  "etc/hostname": "host\n",
};

/**
 * Generate the tree and commit it. Idempotent: a tree of the same content is found, not made again.
 *
 * @param hold is told the name of each snapshot before there is one.
 *
 * @throws {CtrError} `failed_precondition` when the host has no `/usr`.
 */
export async function buildHostTree(
  snapshotter: Snapshotter,
  hold: (name: string) => void,
): Promise<HostTree> {
  const stamp = hostStamp();
  const key = `host-${process.pid}-${Date.now()}`;
  hold(key);
  await snapshotter.prepare(key, undefined);
  try {
    const { root } = await snapshotter.applyTarget(key);
    const subtrees = await makeTree(root);
    const layer = new TextEncoder().encode(JSON.stringify({ host: HOST, stamp, subtrees }));
    const chainId = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
    hold(chainId);
    try {
      await snapshotter.commit(chainId, key, {
        labels: { [SUBTREES]: JSON.stringify(subtrees), [HOST_STAMP]: stamp },
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      await snapshotter.remove(key);
    }
    return { stamp, layer, chainId };
  } catch (error) {
    await snapshotter.remove(key).catch(() => {});
    throw error;
  }
}

async function makeTree(root: string): Promise<Subtree[]> {
  fs.chmodSync(root, 0o755);
  for (const [path, mode] of EMPTY) makeDirectory(`${root}/${path}`, mode);
  for (const [path, target] of LINKS) fs.symlinkSync(target, `${root}/${path}`);
  for (const name of ETC) copyReadable(`/etc/${name}`, `${root}/etc/${name}`);
  for (const [path, text] of Object.entries(FILES)) {
    fs.rmSync(`${root}/${path}`, { force: true });
    fs.writeFileSync(`${root}/${path}`, text, { mode: 0o644 });
    fs.chmodSync(`${root}/${path}`, 0o644);
  }
  const subtrees: Subtree[] = [];
  for (const name of PROGRAMS) {
    const status = fs.lstatSync(`/${name}`, { throwIfNoEntry: false });
    if (status?.isSymbolicLink()) {
      fs.symlinkSync(fs.readlinkSync(`/${name}`), `${root}/${name}`);
    } else if (status?.isDirectory()) {
      for (const source of [`/${name}`, ...mountsBelow(`/${name}`)]) {
        subtrees.push(await subtree(source, root));
      }
      makeDirectory(`${root}/${name}`, 0o755);
    }
  }
  if (!subtrees.some(({ target }) => target === "/usr")) {
    throw new CtrError({
      code: "failed_precondition",
      operation: "make image",
      subject: "host",
      reason: "this machine has no directory /usr",
    });
  }
  return subtrees;
}

/** Some file systems cannot be a lower layer; those are shown read-only. */
async function subtree(source: string, root: string): Promise<Subtree> {
  const writable = await canOverlay(source, root);
  const attributes = rootAttributes(source);
  return {
    source,
    target: source,
    ...(attributes === undefined ? {} : { root: attributes }),
    ...(writable ? {} : { readonly: true }),
  };
}

/** An overlay does not show what is mounted below its lower directory: those get their own. */
function mountsBelow(directory: string): string[] {
  const points = fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((path) =>
      path.replaceAll(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)))
    )
    .filter((path) => path.startsWith(`${directory}/`));
  return [...new Set(points)].sort()
    .filter((path) => fs.statSync(path, { throwIfNoEntry: false })?.isDirectory());
}

/**
 * Copy what everybody may read; a link is copied as a link unless it leads to a file outside of what
 * is shown, whose content then takes its place.
 */
function copyReadable(from: string, to: string): void {
  const status = fs.lstatSync(from, { throwIfNoEntry: false });
  if (status === undefined) return;
  makeDirectory(to.slice(0, to.lastIndexOf("/")), 0o755);
  if (status.isDirectory()) {
    if ((status.mode & 0o005) !== 0o005) return;
    makeDirectory(to, 0o755);
    for (const name of fs.readdirSync(from)) copyReadable(`${from}/${name}`, `${to}/${name}`);
  } else if (status.isSymbolicLink()) {
    copyLink(from, to);
  } else if (status.isFile()) {
    copyFile(from, to, status);
  }
}

function copyLink(from: string, to: string): void {
  const target = fs.readlinkSync(from);
  const resolved = target.startsWith("/")
    ? target
    : `${from.slice(0, from.lastIndexOf("/"))}/${target}`;
  const real = (() => {
    try {
      return fs.realpathSync(resolved);
    } catch {
      return undefined; // dangling here, so dangling there
    }
  })();
  if (real === undefined || /^\/(usr|etc|bin|lib|lib64|sbin|nix|gnu)\//.test(real)) {
    fs.symlinkSync(target, to);
    return;
  }
  const status = fs.statSync(real);
  if (status.isFile()) copyFile(real, to, status);
}

function copyFile(from: string, to: string, status: fs.Stats): void {
  if ((status.mode & 0o004) === 0) return;
  fs.copyFileSync(from, to);
  fs.chmodSync(to, status.mode & 0o755);
  fs.utimesSync(to, status.atime, status.mtime);
}

/** Like mkdir, but of this mode whatever the umask, and content if it exists. */
function makeDirectory(path: string, mode: number): void {
  fs.mkdirSync(path, { recursive: true });
  fs.chmodSync(path, mode);
}
