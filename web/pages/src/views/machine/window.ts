// The numbers of the last minutes, in a limited number of time steps at any rate. A step keeps the lowest and the highest
// value of each field, in their order of arrival, so a line through them has all peaks.
//
// The steps start short and become longer only when there are too many of them. So a window of a day that has the readings
// of 16 minutes shows them as well as a window of 16 minutes does.

import type { Points } from "../../chart/series";

const STEPS = 400;

/** The length of a step at first, in seconds. */
const SHORTEST = 1 / 64;

interface Extremes {
  low: number;
  high: number;
  lowFirst: boolean;
  last: number;
  /** The time of the last value. */
  time: number;
}

interface Step {
  /** The times of its first and last values, in seconds since 1970. */
  first: number;
  last: number;
  count: number;
  /** Whether a field has more than one value. */
  several: boolean;
  fields: Map<string, Extremes>;
}

const NOTHING = { low: null, high: null, lowFirst: true };

/** A range of time, in seconds since 1970. */
export type Range = readonly [from: number, to: number];

/** A field over a window, or a part of it. */
export interface Summary {
  name: string;
  last: number | null;
  /** The time of the last value. */
  time: number | null;
  low: number | null;
  high: number | null;
}

export class Window {
  #steps: Step[] = [];
  #length = SHORTEST;

  /** `seconds` is infinite for a window of all values. */
  constructor(readonly seconds: number) {}

  /** The time at which the window starts. */
  get since(): number {
    return (this.#steps.at(-1)?.last ?? 0) - this.seconds;
  }

  /** The times of the first and the last value; null without values. */
  get covers(): Range | null {
    const [first, last] = [this.#steps[0], this.#steps.at(-1)];
    return first && last ? [first.first, last.last] : null;
  }

  /** Return the number of readings in the window, or in a part of it. */
  count(range: Range | null = null): number {
    return this.#stepsIn(range).reduce((sum, step) => sum + step.count, 0);
  }

  /** Add values at a time, which must not be earlier than the last one. */
  add(time: number, fields: ReadonlyMap<string, number>, reading: boolean): void {
    const step = this.#stepAt(time);
    if (reading) step.count++;
    for (const [name, value] of fields) {
      const extremes = step.fields.get(name);
      if (extremes === undefined) {
        step.fields.set(name, { low: value, high: value, lowFirst: true, last: value, time });
        continue;
      }
      step.several = true;
      if (value < extremes.low) [extremes.low, extremes.lowFirst] = [value, false];
      else if (value > extremes.high) [extremes.high, extremes.lowFirst] = [value, true];
      extremes.last = value;
      extremes.time = time;
    }
  }

  /** Return the points of a chart of these fields, for the window or a part of it. */
  points(names: readonly string[], range: Range | null = null): Points {
    const times: number[] = [];
    const lines = names.map((): (number | null)[] => []);
    const steps = this.#stepsIn(range, true);
    for (const step of steps) {
      times.push(step.first);
      if (step.several) times.push(step.last);
      for (const [place, name] of names.entries()) {
        const { low, high, lowFirst } = step.fields.get(name) ?? NOTHING;
        lines[place]?.push(lowFirst ? low : high);
        if (step.several) lines[place]?.push(lowFirst ? high : low);
      }
    }
    // The line ends at the last value.
    const newest = steps.at(-1);
    if (newest?.several) {
      times.push(newest.last);
      for (const [place, name] of names.entries()) lines[place]?.push(newest.fields.get(name)?.last ?? null);
    }
    return [times, ...lines];
  }

  summary(name: string, range: Range | null = null): Summary {
    const there = this.#stepsIn(range).flatMap((step) => step.fields.get(name) ?? []);
    const last = there.at(-1);
    if (last === undefined) return { name, last: null, time: null, low: null, high: null };
    return {
      name,
      last: last.last,
      time: last.time,
      low: there.reduce((least, each) => Math.min(least, each.low), Infinity),
      high: there.reduce((most, each) => Math.max(most, each.high), -Infinity),
    };
  }

  /** Return the steps in a range; with `beyond`, also the steps beside it, so that the lines reach its borders. */
  #stepsIn(range: Range | null, beyond = false): readonly Step[] {
    if (range === null) return this.#steps;
    const [from, to] = range;
    const start = this.#steps.findIndex((each) => each.last >= from);
    if (start < 0) return beyond ? this.#steps.slice(-1) : [];
    const after = this.#steps.findIndex((each) => each.first > to);
    const end = after < 0 ? this.#steps.length : after;
    return beyond ? this.#steps.slice(Math.max(0, start - 1), end + 1) : this.#steps.slice(start, end);
  }

  #stepAt(time: number): Step {
    const newest = this.#steps.at(-1);
    if (newest !== undefined && this.#index(time) <= this.#index(newest.first)) {
      newest.last = Math.max(newest.last, time);
      return newest;
    }
    const step = { first: time, last: time, count: 0, several: false, fields: new Map<string, Extremes>() };
    this.#steps.push(step);
    while ((this.#steps[0]?.last ?? time) < time - this.seconds) this.#steps.shift();
    while (this.#steps.length > STEPS) this.#lengthen();
    return this.#steps.at(-1) ?? step;
  }

  #index(time: number): number {
    return Math.floor(time / this.#length);
  }

  /** Double the length of the steps. */
  #lengthen(): void {
    this.#length *= 2;
    const longer: Step[] = [];
    for (const step of this.#steps) {
      const before = longer.at(-1);
      if (before !== undefined && this.#index(before.first) === this.#index(step.first)) join(before, step);
      else longer.push(step);
    }
    this.#steps = longer;
  }
}

/** The time spans of the chart, in seconds. The last one is all that is known. */
export const WINDOWS: readonly number[] = [60, 300, 900, 3600, 86_400, 604_800, Infinity];

/** The same numbers in a window for each time span. */
export class Windows {
  readonly #windows = new Map(WINDOWS.map((seconds) => [seconds, new Window(seconds)]));
  #time = 0;

  of(seconds: number): Window {
    return this.#windows.get(seconds) ?? new Window(seconds);
  }

  /** Return the window with the shortest steps that goes back to a time. */
  since(time: number): Window {
    return [...this.#windows.values()].find((each) => each.since <= time) ?? this.of(Infinity);
  }

  /** Add values at a time, or at the last time if that is later. */
  add(time: number, fields: ReadonlyMap<string, number>, reading: boolean): void {
    this.#time = Math.max(this.#time, time);
    for (const window of this.#windows.values()) window.add(this.#time, fields, reading);
  }
}

/** Add the values of a later step to a step. */
function join(step: Step, later: Step): void {
  step.last = later.last;
  step.count += later.count;
  for (const [name, added] of later.fields) {
    const extremes = step.fields.get(name);
    if (extremes === undefined) {
      step.fields.set(name, added);
      continue;
    }
    const lower = added.low < extremes.low;
    const higher = added.high > extremes.high;
    step.several = true;
    step.fields.set(name, {
      low: lower ? added.low : extremes.low,
      high: higher ? added.high : extremes.high,
      // Both from the same step keep their order.
      lowFirst: lower === higher ? (lower ? added : extremes).lowFirst : higher,
      last: added.last,
      time: added.time,
    });
  }
  step.several ||= later.several;
}
