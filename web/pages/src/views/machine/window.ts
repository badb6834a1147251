// The numbers of the last minutes, in a fixed number of time steps at any rate. A step keeps the lowest and the highest
// value of each field, in their order of arrival, so a line through them has all peaks.

import type { Points } from "../../chart/series";

const STEPS = 400;

interface Extremes {
  low: number;
  high: number;
  lowFirst: boolean;
  last: number;
}

interface Step {
  index: number;
  /** The times of its first and last values, in seconds since 1970. */
  first: number;
  last: number;
  count: number;
  /** Whether a field has more than one value. */
  several: boolean;
  fields: Map<string, Extremes>;
}

const NOTHING = { low: null, high: null, lowFirst: true };

/** A field over the whole window. */
export interface Summary {
  name: string;
  last: number | null;
  low: number | null;
  high: number | null;
}

export class Window {
  #steps: Step[] = [];

  constructor(readonly seconds: number) {}

  /** The time at which the window starts. */
  get since(): number {
    return (this.#steps.at(-1)?.last ?? 0) - this.seconds;
  }

  /** The number of readings in the window. */
  get count(): number {
    return this.#steps.reduce((sum, step) => sum + step.count, 0);
  }

  /** Add values at a time, which must not be earlier than the last one. */
  add(time: number, fields: ReadonlyMap<string, number>, reading: boolean): void {
    const step = this.#stepAt(time);
    if (reading) step.count++;
    for (const [name, value] of fields) {
      const extremes = step.fields.get(name);
      if (extremes === undefined) {
        step.fields.set(name, { low: value, high: value, lowFirst: true, last: value });
        continue;
      }
      step.several = true;
      if (value < extremes.low) [extremes.low, extremes.lowFirst] = [value, false];
      else if (value > extremes.high) [extremes.high, extremes.lowFirst] = [value, true];
      extremes.last = value;
    }
  }

  points(names: readonly string[]): Points {
    const times: number[] = [];
    const lines = names.map((): (number | null)[] => []);
    for (const step of this.#steps) {
      times.push(step.first);
      if (step.several) times.push(step.last);
      for (const [place, name] of names.entries()) {
        const { low, high, lowFirst } = step.fields.get(name) ?? NOTHING;
        lines[place]?.push(lowFirst ? low : high);
        if (step.several) lines[place]?.push(lowFirst ? high : low);
      }
    }
    // The line ends at the last value.
    const newest = this.#steps.at(-1);
    if (newest?.several) {
      times.push(newest.last);
      for (const [place, name] of names.entries()) lines[place]?.push(newest.fields.get(name)?.last ?? null);
    }
    return [times, ...lines];
  }

  summary(name: string): Summary {
    const there = this.#steps.flatMap((step) => step.fields.get(name) ?? []);
    if (there.length === 0) return { name, last: null, low: null, high: null };
    return {
      name,
      last: there.at(-1)?.last ?? null,
      low: there.reduce((least, each) => Math.min(least, each.low), Infinity),
      high: there.reduce((most, each) => Math.max(most, each.high), -Infinity),
    };
  }

  #stepAt(time: number): Step {
    const index = Math.floor((time / this.seconds) * STEPS);
    const newest = this.#steps.at(-1);
    if (newest !== undefined && index <= newest.index) {
      newest.last = Math.max(newest.last, time);
      return newest;
    }
    const step = { index, first: time, last: time, count: 0, several: false, fields: new Map<string, Extremes>() };
    this.#steps.push(step);
    while ((this.#steps[0]?.index ?? index) <= index - STEPS) this.#steps.shift();
    return step;
  }
}
