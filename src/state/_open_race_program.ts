/**
 * One of several processes that open a new store at the same time; run by `open_test.ts`.
 *
 * @module
 */

const [mod, dirs, index] = process.argv.slice(2) as [string, string, string];
const { openState } = await import(mod) as typeof import("./mod.ts");
const state = openState(JSON.parse(dirs));
for (let i = 0; i < 5; i++) {
  state.images.put({
    name: `${index}-${i}`,
    target: { mediaType: "", digest: "", size: 0 },
    labels: {},
    createdAt: 0,
    updatedAt: 0,
  });
}
state.close();
process.stdout.write("done\n");
