/**
 * Writes classic BPF from its end to its beginning: every jump goes forward, so its target, and with
 * it the distance, is known when it is written.
 *
 * @see https://docs.kernel.org/networking/filter.html
 * @module
 */

/** Where an instruction is: its distance from the end of the program. */
export type Place = number;

const LD_ABS = 0x20;
const ALU_AND = 0x54;
const JA = 0x05;
const RET = 0x06;
/** Jump if the accumulator is equal, greater, greater or equal. */
export const JEQ = 0x15;
export const JGT = 0x25;
export const JGE = 0x35;

/** The reach of a conditional jump. */
const REACH = 255;

/** Instructions in reverse; every method returns the place of what it wrote. */
export class BpfWriter {
  /** Two words for each: code and distances, then the operand. */
  readonly #words: number[] = [];
  readonly #returns = new Map<number, Place>();

  /** End with a verdict. One that is near enough is used again. */
  ret(value: number): Place {
    const known = this.#returns.get(value);
    if (known !== undefined && this.#distance(known) < REACH - 8) return known;
    const place = this.#put(RET, value);
    this.#returns.set(value, place);
    return place;
  }

  /** Load a word of `struct seccomp_data`, then go on at `next`. */
  load(offset: number, next: Place): Place {
    this.#goTo(next);
    return this.#put(LD_ABS, offset);
  }

  and(mask: number, next: Place): Place {
    this.#goTo(next);
    return this.#put(ALU_AND, mask);
  }

  /** Compare the accumulator with a number. */
  compare(code: number, operand: number, whenTrue: Place, whenFalse: Place): Place {
    // One long way round may push the other target out of reach, hence the margin of one.
    const near = (target: Place) => this.#distance(target) < REACH ? target : this.#jump(target);
    const yes = near(whenTrue);
    const no = near(whenFalse);
    return this.#put(code | this.#distance(yes) << 16 | this.#distance(no) << 24, operand);
  }

  /** The program, 8 bytes for each instruction. */
  bytes(): Uint8Array {
    const count = this.#words.length >> 1;
    const words = new Uint32Array(count * 2);
    for (let i = 0; i < count; i++) {
      words[i * 2] = this.#words[(count - 1 - i) * 2]!;
      words[i * 2 + 1] = this.#words[(count - 1 - i) * 2 + 1]!;
    }
    return new Uint8Array(words.buffer);
  }

  #put(word: number, operand: number): Place {
    this.#words.push(word, operand);
    return (this.#words.length >> 1) - 1;
  }

  /** What the next instruction would have to skip to get there. */
  #distance(target: Place): number {
    return (this.#words.length >> 1) - 1 - target;
  }

  #jump(target: Place): Place {
    return this.#put(JA, this.#distance(target));
  }

  #goTo(next: Place): void {
    if (this.#distance(next) > 0) this.#jump(next);
  }
}
