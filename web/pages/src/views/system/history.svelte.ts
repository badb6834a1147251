// How the works did since these pages were opened, as far as somebody looked: for the charts. It stays while one
// goes to other views, and has an end: an hour at a look every three seconds.

import type { Points } from "../../chart/series";

const LOOKS = 1200;
/** Seconds without a look that are shown as a gap. */
const GAP = 10;

/** What was seen at one time. */
export interface Look {
  /** Seconds since 1970. */
  time: number;
  /** Readings a second, of all workers. */
  rate: number | null;
  /** Readings that are not done. */
  waiting: number | null;
  /** Seconds that a reading had waited when it was taken, where any was; and those that the oldest waits by now. */
  waited: number | null;
  oldest: number | null;
}

const NOTHING = { rate: null, waiting: null, waited: null, oldest: null };

class History {
  looks = $state.raw<readonly Look[]>([]);

  add(look: Look): void {
    const last = this.looks.at(-1);
    const gap = last !== undefined && look.time - last.time > GAP ? [{ time: last.time + 1, ...NOTHING }] : [];
    this.looks = [...this.looks, ...gap, look].slice(-LOOKS);
  }

  points(...names: Exclude<keyof Look, "time">[]): Points {
    return [this.looks.map((each) => each.time), ...names.map((name) => this.looks.map((each) => each[name]))];
  }
}

export const history = new History();
