/**
 * A test of a snapshotter with a store of its own, and how its layers are made.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { applyLayer, commitLayer, type Snapshotter } from "../../src/snapshot/mod.ts";
import { openState, type State } from "../../src/state/mod.ts";
import { type Member, tar } from "../fixtures/raw_tar.ts";

/** What a suite is told of an implementation. */
export interface Implementation {
  readonly name: string;
  /** Makes it over a store. */
  readonly open: (state: State) => Promise<Snapshotter>;
  /** The reason why it cannot run here, or false. */
  readonly skip: string | false;
  /** A directory on the file system that it needs; the usual one without. */
  readonly place?: () => string | Promise<string>;
}

/** Registers tests. */
export type RegisterCase = (
  what: string,
  work: (snapshotter: Snapshotter, state: State) => Promise<void>,
) => void;

/** How tests of an implementation are registered. */
export function snapshotterCases(
  { name, open, skip, place = tmpdir }: Implementation,
): RegisterCase {
  return (what, work) => {
    test(`${name}: ${what}`, { skip }, async () => {
      const root = mkdtempSync(join(await place(), `ctr-${name}-`));
      const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
      try {
        const snapshotter = await open(state);
        await work(snapshotter, state);
        await snapshotter.settled();
        snapshotter.close();
      } finally {
        state.close();
        rmSync(root, { recursive: true, force: true });
      }
    });
  };
}

/** Unpack and commit a layer, as an image is unpacked. */
export async function layer(
  snapshotter: Snapshotter,
  id: string,
  parent: string | undefined,
  ...members: Member[]
): Promise<void> {
  const key = `unpack-${id}`;
  await snapshotter.prepare(key, snapshotter.rebase ? undefined : parent);
  const archive = tar(...members);
  const source = async function* () {
    yield archive;
  };
  const result = await applyLayer(snapshotter, key, source);
  await commitLayer(snapshotter, { key, name: id, parent, result, source });
}
