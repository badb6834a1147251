// The numbers in a reading or a result, named by their paths: { motor: { rpm: 1500 } } has "motor.rpm".

import type { Schemas } from "../../api/client";
import { numberOf } from "../../format/json";

/** Limits on the depth, the items of a list, the fields, and the length of a name. */
const DEPTH = 5;
const ITEMS = 8;
const FIELDS = 60;
const NAME_LENGTH = 120;

/** The name of the field if the reading or result is itself a number. */
const ALONE = "value";

/** Names of counters, sequence numbers and times: the last part of a field, and the last word of that part. */
const COUNTERS = /^(n|nr|no|number|count|index|idx|time|uptime|version)$/;
const WORDS = /^(id|seq|sequence|counter|ts|timestamp|epoch)$/;

/** The number of values, and of rises, from which on they show that a field is constant or a counter. */
const ENOUGH = 5;

/** Larger numbers that never fall are times since 1970, in seconds or a smaller unit. */
const EPOCH = 1e9;

/** The values of a field so far. */
export class Course {
  #values = 0;
  #rises = 0;
  #fell = false;
  #whole = true;
  #last = NaN;

  add(value: number): void {
    this.#values++;
    if (value > this.#last) this.#rises++;
    if (value < this.#last) this.#fell = true;
    this.#whole &&= Number.isInteger(value);
    this.#last = value;
  }

  get isConstant(): boolean {
    return this.#values >= ENOUGH && this.#rises === 0 && !this.#fell;
  }

  get isCounter(): boolean {
    return !this.#fell && this.#rises >= ENOUGH - 1 && (this.#whole || this.#last > EPOCH);
  }
}

/** Return the fields with measured values first; constants, then counters, sequence numbers and times last. */
export function ordered(courses: ReadonlyMap<string, Course>): string[] {
  const rank = new Map([...courses].map(([name, course]) => [name, rankOf(name, course)]));
  return [...courses.keys()].sort((one, other) => (rank.get(one) ?? 0) - (rank.get(other) ?? 0));
}

function rankOf(name: string, course: Course): number {
  const part = name.slice(name.lastIndexOf(".") + 1);
  const word = part.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase().split(/[^a-z0-9]+/).at(-1) ?? "";
  if (COUNTERS.test(part.toLowerCase()) || WORDS.test(word) || course.isCounter) return 2;
  return course.isConstant ? 1 : 0;
}

/** Add the numbers in `given` to `found`, with names that start with `prefix`. */
export function findNumbers(given: unknown, prefix: string, found: Map<string, number>, depth = 0): void {
  const value = numberOf(given);
  if (typeof value === "number") {
    const name = depth === 0 ? `${prefix}.${ALONE}` : prefix;
    if (Number.isFinite(value) && name.length <= NAME_LENGTH && found.size < FIELDS) found.set(name, value);
  } else if (Array.isArray(value)) {
    if (depth < DEPTH) value.slice(0, ITEMS).forEach((each, index) => findNumbers(each, `${prefix}.${index}`, found, depth + 1));
  } else if (typeof value === "object" && value !== null && depth < DEPTH) {
    for (const [key, each] of Object.entries(value)) findNumbers(each, `${prefix}.${key}`, found, depth + 1);
  }
}

/** Return the numbers of a reading, and of each of its results. */
export function numbersIn({ timer, encoding, reading, numbers, results }: Schemas["RecentReading"]): Map<string, number>[] {
  const found = new Map<string, number>();
  // The fields of a reading that is not whole are named by their paths already.
  if (numbers !== null) for (const [name, number] of Object.entries(numbers)) found.set(`reading.${name}`, number);
  else if (timer === null && encoding === "json") findNumbers(reading, "reading", found);
  return [found, ...results.map((each) => {
    const inResult = new Map<string, number>();
    findNumbers(each, "result", inResult);
    return inResult;
  })];
}

/** Return the fields that are selected by default, of `ordered` ones: at most `most` of readings, and of results. */
export function firstOf(courses: ReadonlyMap<string, Course>, most = 2): string[] {
  const names = ordered(courses);
  const measures = names.filter((name) => rankOf(name, courses.get(name) ?? new Course()) === 0);
  const candidates = measures.length > 0 ? measures : names;
  const of = (prefix: string): string[] => candidates.filter((name) => name.startsWith(prefix)).slice(0, most);
  return [...of("reading."), ...of("result.")];
}

/** Return selected fields as a parameter of the address. */
export function written(names: readonly string[]): string {
  return names.map((name) => name.replaceAll("%", "%25").replaceAll(",", "%2C")).join(",");
}

/** Return the fields that are selected in the address. */
export function chosen(text: string): string[] {
  return text.split(",").filter((each) => each !== "").map((each) => each.replaceAll("%2C", ",").replaceAll("%25", "%"));
}
