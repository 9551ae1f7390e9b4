/**
 * Connecting containers to networks, and taking them off, while they run or not.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { ContainerRecord, NetworkAttachment } from "../state/mod.ts";
import { lockContainer } from "./container_lock.ts";
import type { Engine } from "./engine.ts";
import { dataDir } from "./place.ts";
import { isActive, taskState } from "./task_state.ts";

function refused(operation: string, record: ContainerRecord, reason: string): CtrError {
  return new CtrError({
    code: "failed_precondition",
    operation,
    subject: record.name,
    reason,
  });
}

/** Connect a container to one more network. */
export async function connectNetwork(
  engine: Engine,
  reference: string,
  attachment: NetworkAttachment,
): Promise<void> {
  const operation = "connect container to network";
  const { id } = engine.state.containers.resolve(reference, operation);
  using _lock = await lockContainer(dataDir(engine.directories, id));
  const record = engine.state.containers.resolve(id, operation);
  const { networks: attachments, networkMode } = record.hostConfig;
  if (attachments === undefined) {
    throw refused(operation, record, `it has the network of ${JSON.stringify(networkMode)}`);
  }
  const networks = await engine.networks();
  const network = networks.resolve(attachment.network, operation);
  const known = attachments.some((one) =>
    networks.resolve(one.network, operation).id === network.id
  );
  if (known) throw refused(operation, record, `it is in network ${network.name} already`);
  const state = await taskState(engine, record);
  if (isActive(state)) {
    const { name } = record;
    const container = { id, name, attachments: [attachment], ports: [] };
    const allocation = await networks.allocate(container, { more: true });
    try {
      networks.connect(allocation, state.pid);
    } catch (error) {
      networks.disconnect(id, network, undefined);
      throw error;
    }
  }
  engine.state.containers.update(id, {
    hostConfig: { ...record.hostConfig, networks: [...attachments, attachment] },
  });
}

/** Take a container off a network. */
export async function disconnectNetwork(
  engine: Engine,
  reference: string,
  networkReference: string,
): Promise<void> {
  const operation = "disconnect container from network";
  const { id } = engine.state.containers.resolve(reference, operation);
  using _lock = await lockContainer(dataDir(engine.directories, id));
  const record = engine.state.containers.resolve(id, operation);
  const networks = await engine.networks();
  const network = networks.resolve(networkReference, operation);
  const attachments = record.hostConfig.networks ?? [];
  const rest = attachments.filter((one) =>
    networks.resolve(one.network, operation).id !== network.id
  );
  if (rest.length === attachments.length) {
    throw refused(operation, record, `it is not connected to network ${network.name}`);
  }
  const state = await taskState(engine, record);
  networks.disconnect(id, network, isActive(state) ? state.pid : undefined);
  engine.state.containers.update(id, { hostConfig: { ...record.hostConfig, networks: rest } });
}
