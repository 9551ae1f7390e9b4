/**
 * `ctr login`.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { type Context, define } from "./command.ts";
import { UsageError } from "./flags.ts";

export const command = define({
  name: "login",
  usage: "[OPTIONS] [SERVER]",
  summary: "Authenticate to a registry",
  args: [0, 1],
  flags: {
    "password": { type: "string", short: "p", help: "Password" },
    "password-stdin": { type: "bool", help: "Take the Password from stdin" },
    "username": { type: "string", short: "u", help: "Username" },
  },
}, async (context, { flags, args }) => {
  const { checkLogin, dockerConfig, hostOf, registryAccess } = await import("../src/pull/mod.ts");
  const host = hostOf(args[0] ?? "docker.io");
  const given = await credentials(context, {
    username: flags.username,
    password: flags.password,
    stdin: flags["password-stdin"],
  });
  const config = dockerConfig(context.env);
  const checked = await checkLogin(host, given, registryAccess(context.env));
  const helper = await config.store(host, checked);
  if (helper === undefined) {
    context.err(
      `WARNING! Your credentials are stored unencrypted in '${config.path}'.\n` +
        "Configure a credential helper to remove this warning.\n",
    );
  }
  context.out("Login Succeeded\n");
  return 0;
});

async function credentials(
  context: Context,
  given: {
    readonly username: string | undefined;
    readonly password: string | undefined;
    readonly stdin: boolean;
  },
): Promise<{ username: string; password: string }> {
  const wrong = (reason: string) => new UsageError({ command: "login", reason, exitCode: 1 });
  let { username, password } = given;
  if (given.stdin) {
    if (password !== undefined) {
      throw wrong("--password and --password-stdin are mutually exclusive");
    }
    if (username === undefined) throw wrong("--password-stdin needs --username");
    const chunks: Uint8Array[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
    password = Buffer.concat(chunks).toString("utf8").replace(/\r?\n$/, "");
  } else if (password !== undefined) {
    context.err("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
  }
  if (username === undefined || password === undefined) {
    const { askLine } = await import("./ask.ts");
    username ??= askLine("Username: ", { hidden: false });
    password ??= askLine("Password: ", { hidden: true });
  }
  if (username === "" || password === "") {
    throw new CtrError({
      code: "invalid_argument",
      operation: "log in",
      reason: `the ${username === "" ? "user name" : "password"} is empty`,
    });
  }
  return { username, password };
}
