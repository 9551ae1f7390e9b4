/**
 * Docker's `config.json`: credentials in it, or in the helper programs that it names.
 *
 * @see https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties
 * @module
 */

import { mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf, CtrError } from "../errors.ts";
import { type Credentials, dockerConfigCredentials } from "./auth.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** What the file says; everything else in it is kept as it is. */
interface ConfigFile {
  auths?: Record<string, Record<string, unknown>>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

const HUB = "docker.io";
const HUB_KEY = "https://index.docker.io/v1/";

/** Credentials by registry host. */
export interface DockerConfig {
  /** Undefined where there is no home directory. */
  readonly path: string | undefined;
  /** @throws {CtrError} `invalid_argument` when the file is not JSON; `unavailable` when a helper fails. */
  credentials(host: string): Promise<Credentials | undefined>;
  /** Remember. @returns the name of the helper that keeps them; undefined when the file does. */
  store(host: string, credentials: Credentials): Promise<string | undefined>;
  /** Forget. @returns whether there was something. */
  erase(host: string): Promise<boolean>;
}

/** The file in `$DOCKER_CONFIG`, by default in `~/.docker`. It is read when something is asked. */
export function dockerConfig(env: Env): DockerConfig {
  const directory = env["DOCKER_CONFIG"] || (env["HOME"] ? `${env["HOME"]}/.docker` : undefined);
  const path = directory === undefined ? undefined : `${directory}/config.json`;
  return {
    path,
    credentials: async (host) => {
      const config = await read(path);
      const helper = helperOf(config, host);
      if (helper !== undefined) {
        const { helperGet } = await import("./credential_helper.ts");
        const found = await helperGet(helper, keyOf(host), env);
        if (found !== undefined) return found;
      }
      return dockerConfigCredentials(JSON.stringify({ auths: config.auths ?? {} }))[host];
    },
    store: async (host, credentials) => {
      const config = await read(path);
      const helper = helperOf(config, host);
      const { username, password, identityToken } = credentials;
      let entry: Record<string, unknown> = {};
      if (helper !== undefined) {
        const { helperStore } = await import("./credential_helper.ts");
        await helperStore(helper, keyOf(host), credentials, env);
      } else {
        // Docker reads the user's name from here beside the token.
        const pair = `${username}:${identityToken === undefined ? password : ""}`;
        entry = { auth: Buffer.from(pair).toString("base64") };
        if (identityToken !== undefined) entry["identitytoken"] = identityToken;
      }
      await write(path, { ...config, auths: { ...config.auths, [keyOf(host)]: entry } });
      return helper;
    },
    erase: async (host) => {
      const config = await read(path);
      const keys = Object.keys(config.auths ?? {}).filter((key) => hostOf(key) === host);
      const helper = helperOf(config, host);
      if (helper !== undefined) {
        const { helperErase } = await import("./credential_helper.ts");
        await helperErase(helper, keyOf(host), env);
      }
      if (keys.length === 0) return false;
      const auths = { ...config.auths };
      for (const key of keys) delete auths[key];
      await write(path, { ...config, auths });
      return true;
    },
  };
}

/** The key of a registry in `auths` and in helpers. */
function keyOf(host: string): string {
  return host === HUB ? HUB_KEY : host;
}

/** The registry that a key, or what a person typed, means: `https://index.docker.io/v1/` is Docker Hub. */
export function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, "").split("/")[0]!;
  return host === "index.docker.io" || host === "registry-1.docker.io" ? HUB : host;
}

function helperOf({ credHelpers = {}, credsStore }: ConfigFile, host: string): string | undefined {
  const key = Object.keys(credHelpers).find((key) => hostOf(key) === host);
  return (key === undefined ? undefined : credHelpers[key]) || credsStore || undefined;
}

async function read(path: string | undefined): Promise<ConfigFile> {
  if (path === undefined) return {};
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
    throw new SyntaxError("it is not a JSON object");
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ENOENT") return {};
    throw new CtrError({
      code: cause instanceof SyntaxError ? "invalid_argument" : codeOf(cause),
      operation: "read credentials",
      subject: path,
      reason: (cause as Error).message,
      cause,
    });
  }
}

/** Whole or not at all, for the user's eyes only; a link stays a link. */
async function write(path: string | undefined, config: ConfigFile): Promise<void> {
  if (path === undefined) {
    throw new CtrError({
      code: "failed_precondition",
      operation: "store credentials",
      reason: "neither HOME nor DOCKER_CONFIG is set",
    });
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const real = await realpath(path).catch(() => path);
  const partial = `${real}.${process.pid}.tmp`;
  try {
    await writeFile(partial, JSON.stringify(config, null, "\t"), { mode: 0o600 });
    await rename(partial, real);
  } finally {
    await rm(partial, { force: true });
  }
}
