/**
 * Restart policies as `--restart` names them.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { RestartPolicy } from "../state/mod.ts";

/** Read one; nothing for none. @throws {CtrError} `invalid_argument` */
export function restartPolicyOf(
  text: string,
  { autoRemove }: { readonly autoRemove: boolean },
): { readonly restartPolicy?: RestartPolicy } {
  const [, policy = "", retries] = /^([a-z-]+)(?::(.*))?$/.exec(text) ?? [];
  if (text === "" || text === "no") return {};
  if (policy !== "always" && policy !== "unless-stopped" && policy !== "on-failure") {
    throw invalid(text, 'it is "no", "on-failure[:RETRIES]", "always" or "unless-stopped"');
  }
  if (retries !== undefined && (policy !== "on-failure" || !/^\d+$/.test(retries))) {
    throw invalid(text, "only on-failure has a number of retries, which is not negative");
  }
  if (autoRemove) {
    throw invalid(text, "conflicting options: cannot specify both --restart and --rm");
  }
  return { restartPolicy: { policy, maxRetries: Number(retries ?? 0) } };
}

function invalid(subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "use --restart", subject, reason });
}
