// The readings per second of machines, from their exact counts: the growth of a count, over the time between two
// samples.

/** Samples that are kept for a machine: those of half a minute. */
const SAMPLES = 13;
/** Milliseconds without a sample after which a machine's samples start again, and after which they are deleted. */
const GAP = 15_000;
const FORGET = 60_000;

interface Sample {
  time: number;
  readings: number;
}

export interface Rate {
  /** The mean over all samples; null before the second one. */
  mean: number | null;
  /** The rate from each sample to the next, the newest at the end. */
  steps: readonly number[];
}

export class Rates {
  /** The machine that was sampled last is the last. */
  readonly #samples = new Map<string, Sample[]>();

  /** Add a sample, the count at `time` (milliseconds), and return the machine's rate. */
  add(id: string, readings: number, time: number): Rate {
    const before = this.#samples.get(id) ?? [];
    const last = before.at(-1);
    const goesOn = last !== undefined && time - last.time <= GAP && readings >= last.readings;
    const samples = [...(goesOn ? before.slice(1 - SAMPLES) : []), { time, readings }];
    this.#samples.delete(id);
    this.#samples.set(id, samples);
    this.#forget(time);
    const steps = samples.slice(1).map((each, index) => between(samples[index] ?? each, each));
    const [first] = samples;
    return { mean: steps.length > 0 && first ? between(first, { time, readings }) : null, steps };
  }

  /** Delete the samples of machines that are no longer visible. */
  #forget(time: number): void {
    for (const [id, samples] of this.#samples) {
      if (time - (samples.at(-1)?.time ?? 0) <= FORGET) return;
      this.#samples.delete(id);
    }
  }
}

function between(one: Sample, other: Sample): number {
  return ((other.readings - one.readings) * 1000) / Math.max(other.time - one.time, 1);
}
