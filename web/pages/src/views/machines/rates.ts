// Readings a second of machines, out of their exact counts: what a count has grown by, over the time between two
// looks at it.

/** Looks that are kept of a machine: half a minute of them. */
const LOOKS = 13;
/** Milliseconds without a look after which a machine is begun with anew, and then forgotten. */
const GAP = 15_000;
const FORGET = 60_000;

interface Look {
  time: number;
  readings: number;
}

export interface Rate {
  /** Over all looks; null before the second. */
  mean: number | null;
  /** From each look to the next, the newest at the end. */
  steps: readonly number[];
}

export class Rates {
  /** The machine that was looked at last is the last. */
  readonly #looks = new Map<string, Look[]>();

  /** The rate of a machine that has had so many readings at `time` (milliseconds). */
  look(id: string, readings: number, time: number): Rate {
    const before = this.#looks.get(id) ?? [];
    const last = before.at(-1);
    const goesOn = last !== undefined && time - last.time <= GAP && readings >= last.readings;
    const looks = [...(goesOn ? before.slice(1 - LOOKS) : []), { time, readings }];
    this.#looks.delete(id);
    this.#looks.set(id, looks);
    this.#forget(time);
    const steps = looks.slice(1).map((each, index) => between(looks[index] ?? each, each));
    const [first] = looks;
    return { mean: steps.length > 0 && first ? between(first, { time, readings }) : null, steps };
  }

  /** Memory is for what is looked at, not for all that one has scrolled past. */
  #forget(time: number): void {
    for (const [id, looks] of this.#looks) {
      if (time - (looks.at(-1)?.time ?? 0) <= FORGET) return;
      this.#looks.delete(id);
    }
  }
}

function between(one: Look, other: Look): number {
  return ((other.readings - one.readings) * 1000) / Math.max(other.time - one.time, 1);
}
