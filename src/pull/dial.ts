/**
 * Connections that `fetch` has no portable way to ask for: through a proxy that we choose, with
 * certificates of a server's own, and given up on after a time that the machine's owner said.
 *
 * @module
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { basicAuthorization } from "./auth.ts";
import type { Tls } from "./exchange.ts";

/** How a server is reached. */
export interface Dial {
  readonly tls?: Tls | undefined;
  /** A server that the connection goes through. */
  readonly proxy?: URL | undefined;
  /** How long the other side may take to answer the phone. */
  readonly dialMs: number;
}

const MAX_ANSWER = 16 << 10;

/** A connection that HTTP can be spoken on; to the proxy itself where `url` has no TLS. */
export async function dial(url: URL, { dialMs, proxy, tls }: Dial): Promise<Socket> {
  let socket = await connected(proxy ?? url, dialMs);
  try {
    if (proxy?.protocol === "https:") socket = await secured(socket, proxy, undefined);
    if (url.protocol !== "https:") return socket;
    if (proxy !== undefined) await tunnel(socket, url, proxy);
    return await secured(socket, url, tls);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The header that a proxy knows us by. */
export function proxyAuthorization({ username, password }: URL): string | undefined {
  if (username === "") return undefined;
  const [user, secret] = [decodeURIComponent(username), decodeURIComponent(password)];
  return basicAuthorization({ username: user, password: secret });
}

async function connected(to: URL, dialMs: number): Promise<Socket> {
  const host = to.hostname.replace(/^\[(.*)\]$/, "$1");
  const socket = connect(Number(to.port) || (to.protocol === "https:" ? 443 : 80), host);
  const timer = setTimeout(
    () => socket.destroy(new Error(`${to.host} does not answer within ${dialMs} ms`)),
    dialMs,
  );
  try {
    await once(socket, "connect");
    return socket;
  } finally {
    clearTimeout(timer);
  }
}

async function secured(socket: Socket, { hostname }: URL, tls: Tls | undefined): Promise<Socket> {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const options: ConnectionOptions = {
    socket,
    host, // whose certificate it must be
    ...isName(host) ? { servername: host } : {},
    ...tls === undefined || tls.ca.length === 0 ? {} : { ca: [...tls.ca] },
    ...tls?.cert === undefined ? {} : { cert: tls.cert, key: tls.key! },
    rejectUnauthorized: tls?.skipVerify !== true,
  };
  const secure = connectTls(options);
  await once(secure, "secureConnect");
  return secure;
}

/** Server names of TLS are names. */
function isName(host: string): boolean {
  return !host.includes(":") && !/^[\d.]+$/.test(host);
}

/** `CONNECT`: after a 2xx, what is sent arrives at the other side. */
async function tunnel(socket: Socket, url: URL, proxy: URL): Promise<void> {
  const target = `${url.hostname}:${url.port || 443}`;
  const authorization = proxyAuthorization(proxy);
  const lines = [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`];
  if (authorization !== undefined) lines.push(`Proxy-Authorization: ${authorization}`);
  const answer = new Promise<string>((resolve, reject) => {
    let text = "";
    const take = (bytes: Uint8Array): void => {
      text += Buffer.from(bytes).toString("latin1");
      if (!text.includes("\r\n\r\n") && text.length < MAX_ANSWER) return;
      socket.off("data", take).off("error", reject).off("close", gone).pause();
      resolve(text);
    };
    const gone = (): void => reject(new Error(`the proxy ${proxy.host} hangs up`));
    socket.on("data", take).on("error", reject).on("close", gone);
  });
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(await answer)?.[1];
  if (status?.startsWith("2")) return;
  throw new Error(`the proxy ${proxy.host} answers ${status ?? "with something else than HTTP"}`);
}
