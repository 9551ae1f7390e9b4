/**
 * Shows a pull: on a terminal a line per layer that is drawn again in place, elsewhere a line per
 * change of state.
 *
 * @module
 */

import { familiarName, type ImageProgress } from "../src/image/mod.ts";
import { isTerminal, terminalSize } from "./terminal.ts";
import { humanSize } from "./humanize.ts";

/** Where to show it. */
export interface Display {
  readonly write: (text: string) => void;
  /** Asked for each drawing; undefined when it is not a terminal. */
  readonly size: () => { readonly width: number; readonly height: number } | undefined;
  /** Milliseconds. */
  readonly now: () => number;
  /** Calls it once after so many milliseconds, unless the process ends before. */
  readonly after?: (ms: number, draw: () => void) => void;
  /** Calls it when the size has changed, until the returned function is called. */
  readonly onResize?: (redraw: () => void) => () => void;
}

/** What the descriptor is connected to. */
export function displayOn(fd: number, write: (text: string) => void): Display {
  const terminal = isTerminal(fd);
  return {
    write,
    size: () => terminal ? terminalSize(fd) ?? { width: 80, height: 24 } : undefined,
    now: () => performance.now(),
    after: (ms, draw) => void setTimeout(draw, ms).unref(),
    onResize: (redraw) => {
      if (!terminal) return () => {};
      process.on("SIGWINCH", redraw);
      return () => void process.off("SIGWINCH", redraw);
    },
  };
}

/** How far a layer is. */
export interface Layer {
  readonly id: string;
  status: ImageProgress["status"];
  current: number;
  total: number;
  /** When its first bytes came, and how many there were before. */
  since: number;
}

const WORDS: Readonly<Record<ImageProgress["status"], string>> = {
  resolving: "Resolving",
  waiting: "Waiting",
  downloading: "Downloading",
  unpacking: "Extracting",
  exists: "Already exists",
  done: "Pull complete",
};

const REDRAW_MS = 50;

/**
 * A function that takes the events of one pull. Nothing is written before there is a layer: a pull
 * that fails at once has one line to say, and that is the error.
 *
 * @param heading what to write first
 */
export function pullProgress(display: Display, heading = ""): (event: ImageProgress) => void {
  const layers = new Map<string, Layer>();
  const { write, now } = display;
  let drawn: readonly string[] = [];
  let drawnAt = -Infinity;
  let name = "";
  let stopWatching: (() => void) | undefined;
  let isDue = false;
  let isOver = false;
  const draw = (width: number, height: number) => {
    const lines = layerLines([...layers.values()], { width, height, now: now() });
    // The cursor stands below the last line; what was drawn before is drawn over. In a terminal that
    // has become narrower each of those lines may be several now.
    const rows = sum(drawn.map(({ length }) => Math.max(1, Math.ceil(length / width))));
    const up = rows > 0 ? `\x1b[${rows}A` : "";
    write(`${up}${lines.map((line) => `\r${line}\x1b[K\n`).join("")}\x1b[J`);
    drawn = lines;
    drawnAt = now();
  };
  const redraw = () => {
    const size = display.size();
    isDue = false;
    if (size !== undefined && drawn.length > 0 && !isOver) draw(size.width, size.height);
  };
  return (event) => {
    if (event.id === undefined) {
      if (event.status === "resolving" && event.message !== undefined) {
        name = familiarName(event.message);
      } else if (event.status === "done" && event.message !== undefined) {
        write(`Digest: ${event.message}\n`);
        stopWatching?.();
        isOver = true;
      }
      return;
    }
    if (layers.size === 0) {
      write(`${heading}Pulling ${name}\n`);
      stopWatching = display.onResize?.(redraw);
    }
    const id = event.id.replace(/^sha256:/, "").slice(0, 12);
    const known = layers.get(id);
    const layer = known ?? { id, status: "waiting", current: 0, total: 0, since: now() };
    const changed = known === undefined || layer.status !== event.status;
    if (changed && event.status === "downloading") layer.since = now();
    layer.status = event.status;
    layer.current = event.current ?? layer.current;
    layer.total = event.total ?? layer.total;
    layers.set(id, layer);
    const size = display.size();
    if (size === undefined) {
      if (changed && event.status !== "waiting") write(`${id}: ${WORDS[event.status]}\n`);
    } else if (changed || now() - drawnAt >= REDRAW_MS) draw(size.width, size.height);
    else if (!isDue) {
      isDue = true;
      display.after?.(REDRAW_MS, redraw);
    }
  };
}

/** All layers in lines that fit: when they are too many, those that are finished go first. */
export function layerLines(
  layers: readonly Layer[],
  { width, height, now }: { readonly width: number; readonly height: number; readonly now: number },
): string[] {
  const room = Math.max(1, height - 3);
  const finished = ({ status }: Layer) => status === "done" || status === "exists";
  const surplus = layers.length - room;
  let hidden = 0;
  const shown = layers.filter((layer) => {
    if (hidden < surplus && finished(layer)) {
      hidden++;
      return false;
    }
    return true;
  }).slice(0, room);
  const lines = shown.map((layer) => layerLine(layer, width, now));
  const downloading = layers.filter(({ status, total }) => status === "downloading" && total > 0);
  const known = layers.filter(({ total }) => total > 0);
  if (known.length > 0) {
    const left = layers.length - shown.length;
    const current = sum(known.map((one) => finished(one) ? one.total : one.current));
    const rate = sum(downloading.map((one) => speed(one, now)));
    const words = [
      `Total: ${humanSize(current)}/${humanSize(sum(known.map(({ total }) => total)))}`,
      ...downloading.length > 0 ? [`${humanSize(rate)}/s`] : [],
      ...left > 0 ? [`${left} more`] : [],
    ];
    lines.push(words.join("  ").slice(0, width - 1));
  }
  return lines;
}

/** One layer in less than `width` columns: first the speed is left out, then the bar, then the rest. */
export function layerLine(layer: Layer, width: number, now: number): string {
  const words = `${layer.id}: ${WORDS[layer.status]}`;
  if (layer.status !== "downloading" || layer.total === 0) return words.slice(0, width - 1);
  const size = `${humanSize(layer.current)}/${humanSize(layer.total)}`;
  const rate = `  ${humanSize(speed(layer, now))}/s`;
  for (const tail of [`${size}${rate}`, size]) {
    const bar = Math.min(50, width - 1 - words.length - tail.length - 5);
    if (bar >= 10) {
      const filled = Math.min(bar, Math.floor((layer.current / layer.total) * bar));
      const drawn = filled === bar ? "=".repeat(bar) : `${"=".repeat(filled)}>`.padEnd(bar);
      return `${words} [${drawn}]  ${tail}`;
    }
  }
  return `${words} ${size}`.slice(0, width - 1);
}

function speed({ current, since }: Layer, now: number): number {
  return now - since < 1 ? 0 : current / ((now - since) / 1000);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
