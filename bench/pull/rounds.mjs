/**
 * Pulls in turns, each into a store without the image, which is then removed again.
 *
 * @module
 */

import { settle, timed, turned } from "../start/race.mjs";
import { run } from "../start/programs.mjs";

/**
 * Everybody in every round, and one round before that does not count.
 *
 * @param {object[]} all contestants; one that fails leaves
 * @returns {Promise<{ pulls: object[], removals: object[], failed: boolean }>} rows with `times`
 */
export async function pullRounds(all, { rounds, image }) {
  const rows = new Map(all.map(({ name, version }) => [name, {
    pull: { name, version, times: [] },
    remove: { name, version, times: [] },
  }]));
  let failed = false;
  for (let round = -1; round < rounds; round++) {
    for (const contestant of turned([...all], round)) {
      const { name, env } = contestant;
      try {
        run(["sync"]); // what the one before has not written yet is not on this one's bill
        await settle();
        const pulled = timed(contestant.pull(image), { name, env });
        run(["sync"]);
        const removed = timed(contestant.remove(image), { name, env });
        if (round < 0) continue;
        rows.get(name).pull.times.push(pulled);
        rows.get(name).remove.times.push(removed);
      } catch (error) {
        console.error(`${name} leaves the bench: ${error.message}`);
        all.splice(all.indexOf(contestant), 1);
        rows.delete(name);
        failed ||= name.startsWith("ctr");
      }
    }
  }
  const done = [...rows.values()];
  return {
    pulls: done.map(({ pull }) => pull),
    removals: done.map(({ remove }) => remove),
    failed,
  };
}
