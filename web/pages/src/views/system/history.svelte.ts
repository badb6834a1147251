// The samples of the system since the pages were opened, for the charts. They are kept while other views are open, for
// at most an hour of samples every three seconds.

import type { Points } from "../../chart/series";

const SAMPLES = 1200;
/** Seconds without a sample that are shown as a gap. */
const GAP = 10;

/** The system at one time. */
export interface Sample {
  /** Seconds since 1970. */
  time: number;
  /** Readings per second, of all workers. */
  rate: number | null;
  /** Readings that are not processed yet. */
  waiting: number | null;
  /** Seconds that the last received reading had waited, and seconds that the oldest one is waiting. */
  waited: number | null;
  oldest: number | null;
}

const NOTHING = { rate: null, waiting: null, waited: null, oldest: null };

class History {
  samples = $state.raw<readonly Sample[]>([]);

  add(sample: Sample): void {
    const last = this.samples.at(-1);
    const gap = last !== undefined && sample.time - last.time > GAP ? [{ time: last.time + 1, ...NOTHING }] : [];
    this.samples = [...this.samples, ...gap, sample].slice(-SAMPLES);
  }

  points(...names: Exclude<keyof Sample, "time">[]): Points {
    return [this.samples.map((each) => each.time), ...names.map((name) => this.samples.map((each) => each[name]))];
  }
}

export const history = new History();
