/**
 * Shows a pull: on a terminal a line per layer that is drawn again in place, elsewhere a line per
 * change of state.
 *
 * @module
 */

import type { ImageProgress } from "../src/image/mod.ts";
import { humanSize } from "./humanize.ts";

/** Where to show it; `columns` is absent when it is not a terminal. */
export interface Display {
  readonly write: (text: string) => void;
  readonly columns: number | undefined;
}

interface Layer {
  status: ImageProgress["status"];
  current: number;
  total: number;
}

const WORDS: Readonly<Record<ImageProgress["status"], string>> = {
  resolving: "Resolving",
  waiting: "Waiting",
  downloading: "Downloading",
  unpacking: "Unpacking",
  exists: "Already exists",
  done: "Pull complete",
};

/** A function that takes the events of one pull. */
export function pullProgress(image: string, display: Display): (event: ImageProgress) => void {
  const layers = new Map<string, Layer>();
  let drawn = 0;
  const { write, columns } = display;
  return (event) => {
    if (event.id === undefined) return;
    if (layers.size === 0) write(`Pulling ${image}\n`);
    const id = event.id.replace(/^sha256:/, "").slice(0, 12);
    const layer = layers.get(id) ?? { status: "waiting", current: 0, total: 0 };
    const changed = !layers.has(id) || layer.status !== event.status;
    layer.status = event.status;
    layer.current = event.current ?? layer.current;
    layer.total = event.total ?? layer.total;
    layers.set(id, layer);
    if (columns === undefined) {
      if (changed && event.status !== "waiting") write(`${id}: ${WORDS[event.status]}\n`);
      return;
    }
    const lines = [...layers].map(([name, one]) => layerLine(name, one, columns));
    const up = drawn > 0 ? `\x1b[${drawn}A` : "";
    write(up + lines.map((line) => `\r\x1b[2K${line}\n`).join(""));
    drawn = lines.length;
  };
}

/** One layer in at most `columns` characters. */
export function layerLine(id: string, layer: Layer, columns: number): string {
  const words = `${id}: ${WORDS[layer.status]}`;
  if (layer.status !== "downloading" || layer.total === 0) return words.slice(0, columns - 1);
  const size = `${humanSize(layer.current)}/${humanSize(layer.total)}`;
  const room = Math.min(40, columns - 1 - words.length - size.length - 4);
  if (room < 10) return `${words} ${size}`.slice(0, columns - 1);
  const filled = Math.min(room, Math.floor((layer.current / layer.total) * room));
  return `${words} [${"=".repeat(filled)}${" ".repeat(room - filled)}] ${size}`;
}
