/**
 * docker-registry on loopback.
 *
 * @module
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { daemon, freePort } from "../start/daemon.mjs";

/** Start it. @returns {Promise<string>} `127.0.0.1:PORT` */
export async function ownRegistry({ work, atEnd }) {
  const own = join(work, "registry");
  mkdirSync(own);
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(own, "config.yml");
  const storage = `{ filesystem: { rootdirectory: "${own}/data" } }`;
  const log = "log: { level: error, accesslog: { disabled: true } }";
  writeFileSync(config, `version: 0.1\n${log}\nstorage: ${storage}\nhttp: { addr: "${host}" }\n`);
  const ready = () => fetch(`http://${host}/v2/`).then(({ ok }) => ok, () => false);
  atEnd(await daemon(["docker-registry", "serve", config], { log: join(own, "log"), ready }));
  return host;
}
