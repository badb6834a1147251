// The numbers in a reading or a result, named by their paths: { motor: { rpm: 1500 } } has "motor.rpm".

import { numberOf } from "../../format/json";

/** Limits on the depth, the items of a list, the fields, and the length of a name. */
const DEPTH = 5;
const ITEMS = 8;
const FIELDS = 60;
const NAME_LENGTH = 120;

/** The name of the field if the reading or result is itself a number. */
const ALONE = "value";

/** Fields that are counters or times: they are not selected by default. */
const COUNTERS = /(^|\.)(n|id|nr|no|seq|number|count|counter|index|ts|time|timestamp)$/i;

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

/** Return the fields that are selected by default: at most `most` of readings, and as many of results. */
export function firstOf(names: readonly string[], most = 2): string[] {
  const measures = names.filter((name) => !COUNTERS.test(name));
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
