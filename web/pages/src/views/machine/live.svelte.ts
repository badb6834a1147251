// The live events of a machine, starting with its last readings.
//
// Every event goes into a store of fixed size at once. The store is published to the page a few times per second, before
// a frame is drawn. So 500 results per second cost no more drawing than five, and memory use stays constant.

import { api, body, type Schemas } from "../../api/client";
import { follow } from "../../api/events";
import { asProblem, isAbort, type ProblemError } from "../../api/problem";
import { sleep } from "../../app/timing";
import type { Moment } from "../../chart/series";
import { numberOf } from "../../format/json";
import { count } from "../../format/numbers";
import { text } from "../../format/text";
import { Course, numbersIn } from "./fields";
import { WINDOWS, Windows, type Window } from "./window";

/** A reading or a timer that ran, with a unique key: readings and timers may have the same number. */
export type Event = Schemas["RecentReading"] & { key: number };

/** Return the words for a reading, or for a timer that ran. */
export function nameOf({ number, timer }: Pick<Event, "number" | "timer">): string {
  return timer === null ? `reading ${count(number)}` : `timer ${timer}`;
}

/** Return the second part of the id of its dead letter. */
export function letterOf({ number, timer }: Pick<Event, "number" | "timer">): string {
  return timer === null ? String(number) : `timer-${number}`;
}

/** What the API stored of a machine's readings when the page was opened. */
export interface Kept {
  readings: number;
  /** The seconds from the first to the last of them. */
  seconds: number;
}

/** The maximum of the setting `recent`. */
const STORED = 1000;
const LAST = 20;
const ERRORS = 10;
const MOMENTS = 50;
const FIELDS = 60;
const MILLISECONDS = 150;
const QUIET = 1500;

export class Live {
  /** Increases with each publication. Code that uses `window` or `courses` tracks it. */
  revision = $state(0);
  /** The last readings, and the last failed ones, newest first. */
  readings = $state.raw<readonly Event[]>([]);
  errors = $state.raw<readonly Event[]>([]);
  /** Alarms, and all results, oldest first. */
  alarms = $state.raw<readonly Moment[]>([]);
  marks = $state.raw<readonly Moment[]>([]);
  /** Whether the last readings are loaded. */
  begun = $state(false);
  /** The readings that were stored when the page was opened. */
  kept = $state.raw<Kept>({ readings: 0, seconds: 0 });
  /** Why the stream of events is interrupted; null if it is open. */
  problem = $state.raw<ProblemError | null>(null);
  /** Whether the page is paused, and the number of events received meanwhile. */
  paused = $state(false);
  meanwhile = $state(0);
  /** The number of missed events, as far as it is known, and whether any were missed. */
  missed = $state(0);
  sampled = $state(false);

  readonly #windows = new Windows();
  readonly #courses = new Map<string, Course>();
  #last: Event[] = [];
  #failed: Event[] = [];
  #alarms: Moment[] = [];
  #marks: Moment[] = [];
  #key = 0;
  #sequence = 0;
  #lastEvent = 0;
  #time = 0;
  #received = 0;
  #missed = 0;
  #sampled = false;
  #due = false;

  /** `onchange` is called when the machine has been changed. */
  constructor(id: () => string, onchange: () => void) {
    $effect(() => {
      const ending = new AbortController();
      void this.#run(id(), onchange, ending.signal);
      return () => ending.abort();
    });
  }

  window(seconds: number): Window {
    void this.revision;
    return this.#windows.of(seconds);
  }

  /** The shortest time span, in seconds and at least five minutes, that contains all initial readings. */
  get fitting(): number {
    return WINDOWS.find((seconds) => seconds >= 300 && seconds >= this.kept.seconds) ?? Infinity;
  }

  /** Return the window with the shortest steps that goes back to a time. */
  windowSince(time: number): Window {
    void this.revision;
    return this.#windows.since(time);
  }

  /** All numeric fields so far, in the order of their first values, and the course of each. */
  get courses(): ReadonlyMap<string, Course> {
    void this.revision;
    return this.#courses;
  }

  /**
   * Add the last reading, which was read from the API, if the stream has been silent and has not sent it: at high rates
   * the stream sends a sample, which may not include the last reading.
   */
  catchUp(last: Schemas["RecentReading"] | null): void {
    if (!this.begun || last === null || last.sequence <= this.#sequence || performance.now() - this.#lastEvent < QUIET) return;
    if (last.sequence > this.#sequence + 1) this.#sampled = true;
    this.#take(last);
    this.#schedule();
  }

  pause(): void {
    this.paused = true;
    this.#received = 0;
    this.meanwhile = 0;
  }

  resume(): void {
    this.paused = false;
    this.#publish();
  }

  async #run(id: string, onchange: () => void, signal: AbortSignal): Promise<void> {
    const before = await this.#lastReadings(id, signal);
    if (signal.aborted) return;
    for (const reading of before.toReversed()) this.#take(reading);
    this.#publish();
    this.kept = keptOf(before);
    this.begun = true;
    const end = follow(
      `/machines/${encodeURIComponent(id)}/events`,
      {
        event: (name, data) => {
          this.#lastEvent = performance.now();
          if (name === "change") {
            // After a deletion this page usually closes; if it stays open, the next poll shows that the machine is gone.
            if ((data as { what: string }).what !== "machine.delete") onchange();
          }
          else if (name === "lagged") this.#lag(data as { missed: number | null });
          else this.#take(data as Schemas["RecentReading"]);
          this.#schedule();
        },
        state: (problem) => (this.problem = problem),
      },
      String(before[0]?.sequence ?? 0),
    );
    signal.addEventListener("abort", end, { once: true });
  }

  /** Return the last readings, newest first; none if the API does not know the machine yet. */
  async #lastReadings(id: string, signal: AbortSignal): Promise<Schemas["RecentReading"][]> {
    const params = { path: { machine_id: id }, query: { limit: STORED } };
    for (;;) {
      try {
        return (await body(api.GET("/machines/{machine_id}/readings", { params, signal }))).readings;
      } catch (error) {
        if (isAbort(error) || signal.aborted) return [];
        const problem = asProblem(error);
        if (problem.status === 404) return [];
        this.problem = problem;
        if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) return [];
        await sleep(3000, signal);
        if (signal.aborted) return [];
      }
    }
  }

  #take(reading: Schemas["RecentReading"]): void {
    if (this.#last.some((each) => each.sequence === reading.sequence && each.time === reading.time)) return;
    const event = { ...reading, key: this.#key++ };
    this.#sequence = Math.max(this.#sequence, event.sequence);
    this.#received++;
    keep(this.#last, event, LAST);
    if (event.outcome !== "ok") keep(this.#failed, event, ERRORS);
    this.#time = Math.max(this.#time, Date.parse(event.time) / 1000);
    for (const [index, numbers] of numbersIn(event).entries()) this.#add(numbers, index === 0 && event.timer === null);
    for (const result of event.results) this.#mark(result, nameOf(event));
  }

  #add(numbers: Map<string, number>, reading: boolean): void {
    for (const [name, number] of numbers) {
      if (!this.#courses.has(name) && this.#courses.size < FIELDS) this.#courses.set(name, new Course());
      const course = this.#courses.get(name);
      if (course) course.add(number);
      else numbers.delete(name);
    }
    this.#windows.add(this.#time, numbers, reading);
  }

  #mark(result: unknown, name: string): void {
    const alarm = alarmOf(result);
    if (alarm !== null) keep(this.#alarms, { time: this.#time, text: `Alarm of ${name}: ${alarm}` }, MOMENTS);
    keep(this.#marks, { time: this.#time, text: `Result of ${name}` }, MOMENTS);
  }

  #lag({ missed }: { missed: number | null }): void {
    this.#sampled = true;
    this.#missed += missed ?? 0;
  }

  #schedule(): void {
    if (this.#due) return;
    this.#due = true;
    setTimeout(() => requestAnimationFrame(() => {
      this.#due = false;
      this.#publish();
    }), MILLISECONDS);
  }

  #publish(): void {
    this.missed = this.#missed;
    this.sampled = this.#sampled;
    if (this.paused) {
      this.meanwhile = this.#received;
      return;
    }
    this.readings = this.#last.toReversed();
    this.errors = this.#failed.toReversed();
    this.alarms = [...this.#alarms];
    this.marks = [...this.#marks];
    this.revision++;
  }
}

/** Return the alarm in a result: its field `alarm`, unless that is false, null, 0 or "". */
export function alarmOf(result: unknown): string | null {
  if (typeof result !== "object" || result === null || !Object.hasOwn(result, "alarm")) return null;
  const alarm = (result as { alarm: unknown }).alarm;
  return numberOf(alarm) ? text(alarm, 100) : null;
}

function keptOf(stored: readonly Schemas["RecentReading"][]): Kept {
  const [newest, oldest] = [stored[0], stored.at(-1)];
  const seconds = newest && oldest ? (Date.parse(newest.time) - Date.parse(oldest.time)) / 1000 : 0;
  return { readings: stored.filter((each) => each.timer === null).length, seconds };
}

function keep<T>(list: T[], item: T, most: number): void {
  list.push(item);
  if (list.length > most) list.shift();
}
