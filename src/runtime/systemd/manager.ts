/**
 * systemd, asked over D-Bus: its own socket when there is no bus.
 *
 * @see https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.systemd1.html
 * @module
 */

import { CtrError } from "../../errors.ts";
import { exists } from "../../program/mod.ts";
import { Bus, type BusAddress, BusError } from "./bus.ts";
import type { SystemdManager } from "../types.ts";
import type { Message } from "./message.ts";
import type { Property } from "./properties.ts";
import type { DBusValue, Variant } from "./signature.ts";

const SERVICE = "org.freedesktop.systemd1";
const PATH = "/org/freedesktop/systemd1";
const INTERFACE = "org.freedesktop.systemd1.Manager";

/** How long a job of systemd may take. */
const PATIENCE_MS = 30_000;

/** The socket of the system's bus. */
const SYSTEM_BUS = "/run/dbus/system_bus_socket";

/** What systemd says of itself. */
export interface ManagerFacts {
  readonly version: number;
  /** Its own cgroup, in which all slices are: empty for the system's. */
  readonly cgroup: string;
}

/** A bus is at the usual place, or systemd's own socket, which only its user may use. */
function addressOf({ user, socket = SYSTEM_BUS }: SystemdManager): BusAddress {
  if (socket.endsWith("/systemd/private")) return { socket, direct: true };
  const own = user ? socket.replace(/\/[^/]*$/, "/systemd/private") : "/run/systemd/private";
  if (!exists(socket)) {
    if (exists(own)) return { socket: own, direct: true };
    throw new CtrError({
      code: "unavailable",
      operation: "use systemd cgroups",
      subject: socket,
      reason: `systemd not running on this host${user ? " for this user" : ""}: there is no socket`,
    });
  }
  return { socket, direct: false };
}

/** A connection to systemd, which must be closed. */
export class Systemd {
  readonly #bus: Bus;
  /** Results of jobs, and who waits for one. */
  readonly #results = new Map<string, string>();
  readonly #jobs = new Map<string, { done(result: string): void; failed(error: Error): void }>();

  private constructor(bus: Bus) {
    this.#bus = bus;
    bus.listen({
      signal: (message) => this.#signal(message),
      ended: (error) => this.#jobs.forEach(({ failed }) => failed(error)),
    });
  }

  /** @throws {CtrError} `unavailable` when it does not answer, or does not run */
  static async connect(manager: SystemdManager): Promise<Systemd> {
    const address = addressOf(manager);
    const bus = await Bus.connect(address);
    const systemd = new Systemd(bus);
    try {
      if (!address.direct) {
        await Promise.all([
          bus.subscribe(`type='signal',sender='${SERVICE}',member='JobRemoved'`),
          systemd.#call("Subscribe"),
        ]);
      }
    } catch (error) {
      bus.close();
      throw error;
    }
    return systemd;
  }

  async facts(): Promise<ManagerFacts> {
    const [version, cgroup] = await Promise.all(
      ["Version", "ControlGroup"].map((name) => this.#property(name)),
    );
    const [, major = "0"] = /^v?(\d+)/.exec(String(version)) ?? [];
    return { version: Number(major), cgroup: String(cgroup).replace(/\/$/, "") };
  }

  /**
   * Make a unit that goes with its last process, and wait until it runs.
   *
   * @throws {CtrError} `already_exists`, or when systemd refuses
   */
  async startTransient(unit: string, properties: readonly Property[]): Promise<void> {
    const start = () =>
      this.#job("start", unit, "StartTransientUnit", "ssa(sv)a(sa(sv))", [
        unit,
        "replace",
        properties,
        [],
      ]);
    let result: string;
    try {
      result = await start();
    } catch (error) {
      if ((error as CtrError).code !== "already_exists") throw error;
      // One that has failed stays until somebody has taken notice.
      await this.resetFailed(unit);
      result = await start();
    }
    if (result === "done") return;
    await this.resetFailed(unit);
    throw failed("start", unit, `systemd's job ended with ${JSON.stringify(result)}`);
  }

  /** End what runs in it, and forget it. Not an error when there is none. */
  async stop(unit: string): Promise<void> {
    try {
      await this.#job("stop", unit, "StopUnit", "ss", [unit, "replace"]);
    } catch (error) {
      if ((error as CtrError).code !== "not_found") throw error;
    }
    await this.resetFailed(unit);
  }

  /** Change it as long as the system runs. */
  async setProperties(unit: string, properties: readonly Property[]): Promise<void> {
    await this.#call("SetUnitProperties", "sba(sv)", [unit, true, properties]);
  }

  /** Forget that it has failed, if it has. */
  async resetFailed(unit: string): Promise<void> {
    try {
      await this.#call("ResetFailedUnit", "s", [unit]);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
    }
  }

  close(): void {
    this.#bus.close();
  }

  #call(member: string, signature = "", body: readonly DBusValue[] = []) {
    const call = { destination: SERVICE, path: PATH, interface: INTERFACE, member };
    return this.#bus.call({ ...call, signature, body });
  }

  async #property(name: string): Promise<DBusValue> {
    const [variant] = await this.#bus.call({
      destination: SERVICE,
      path: PATH,
      interface: "org.freedesktop.DBus.Properties",
      member: "Get",
      signature: "ss",
      body: [INTERFACE, name],
    });
    return (variant as Variant).value;
  }

  /** Have systemd do something that takes time. @returns its result, "done" if all went well */
  async #job(
    verb: string,
    unit: string,
    member: string,
    signature: string,
    body: readonly DBusValue[],
  ): Promise<string> {
    const [job] = await this.#call(member, signature, body) as readonly string[];
    const known = this.#results.get(job!); // the signal may come before the reply
    if (known !== undefined) return known;
    return await new Promise((resolve, reject) => {
      const late = () => reject(failed(verb, unit, "systemd did not do it within 30 s"));
      const timer = setTimeout(late, PATIENCE_MS);
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        this.#jobs.delete(job!);
        outcome();
      };
      this.#jobs.set(job!, {
        done: (result) => settle(() => resolve(result)),
        failed: (error) => settle(() => reject(error)),
      });
    });
  }

  #signal({ interface: from, member, signature, body = [] }: Message): void {
    if (from !== INTERFACE || member !== "JobRemoved" || signature !== "uoss") return;
    const [, job, , result] = body as readonly [number, string, string, string];
    this.#results.set(job, result);
    this.#jobs.get(job)?.done(result);
  }
}

function failed(verb: string, unit: string, reason: string): CtrError {
  return new CtrError({ code: "internal", operation: `${verb} unit`, subject: unit, reason });
}
