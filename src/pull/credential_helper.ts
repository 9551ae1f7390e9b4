/**
 * Programs that keep credentials: `docker-credential-NAME get|store|erase`.
 *
 * @see https://github.com/docker/docker-credential-helpers#development
 * @module
 */

import { spawn } from "node:child_process";
import { CtrError } from "../errors.ts";
import type { Credentials } from "./auth.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** The user name that says that the secret is an identity token. */
const TOKEN_USER = "<token>";
const MOST_BYTES = 1 << 20;

/** Ask a helper. Undefined when it has nothing for the server. */
export async function helperGet(
  helper: string,
  server: string,
  env: Env,
): Promise<Credentials | undefined> {
  const { code, output } = await call(helper, "get", server, env);
  if (code !== 0) {
    if (/credentials not found/i.test(output)) return undefined;
    throw failed(helper, "get", output);
  }
  let found: { Username?: unknown; Secret?: unknown };
  try {
    found = JSON.parse(output);
  } catch {
    throw failed(helper, "get", "its answer is not JSON"); // which may hold the secret: not shown
  }
  const [username, secret] = [String(found.Username ?? ""), String(found.Secret ?? "")];
  if (secret === "") return undefined;
  return username === TOKEN_USER
    ? { username: "", password: "", identityToken: secret }
    : { username, password: secret };
}

/** Let a helper keep credentials. */
export async function helperStore(
  helper: string,
  server: string,
  { username, password, identityToken }: Credentials,
  env: Env,
): Promise<void> {
  const entry = identityToken === undefined
    ? { ServerURL: server, Username: username, Secret: password }
    : { ServerURL: server, Username: TOKEN_USER, Secret: identityToken };
  const { code, output } = await call(helper, "store", JSON.stringify(entry), env);
  if (code !== 0) throw failed(helper, "store", output);
}

/** Let a helper forget a server. */
export async function helperErase(helper: string, server: string, env: Env): Promise<void> {
  const { code, output } = await call(helper, "erase", server, env);
  if (code !== 0 && !/not found/i.test(output)) throw failed(helper, "erase", output);
}

async function call(
  helper: string,
  verb: string,
  input: string,
  env: Env,
): Promise<{ readonly code: number; readonly output: string }> {
  if (!/^[\w.-]+$/.test(helper)) throw failed(helper, verb, "that is no name of a helper");
  return await new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${helper}`, [verb], {
      env: env as Record<string, string>,
      stdio: ["pipe", "pipe", "ignore"],
    });
    let output = "";
    child.on("error", (error: Error & { code?: string }) => {
      const reason = error.code === "ENOENT"
        ? `there is no program docker-credential-${helper} on the PATH`
        : error.message;
      reject(failed(helper, verb, reason, error));
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (output.length < MOST_BYTES) output += text;
    });
    child.stdin.on("error", () => {}); // it may end without reading
    child.stdin.end(input);
    child.on("close", (code) => resolve({ code: code ?? 255, output: output.trim() }));
  });
}

function failed(helper: string, verb: string, reason: string, cause?: unknown): CtrError {
  return new CtrError({
    code: "unavailable",
    operation: `${verb} credentials with`,
    subject: `docker-credential-${helper}`,
    reason: reason.split("\n")[0] || "it failed",
    cause,
  });
}
