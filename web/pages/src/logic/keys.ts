// The keys of a machine's readings, state and config with their last values, to complete and check what is typed.

import { api, body } from "../api/client";
import type { Finding, Name } from "../editor/finding";
import { text } from "../format/text";
import { lastReadings } from "./readings";

/** Bounds: keys of one object, and objects within each other. */
const KEYS = 100;
const DEPTH = 4;
/** The most characters of a last value. */
const VALUE = 40;

/** A use of a key of a reading; comments and other texts are matched too, so that they can be skipped. */
const USE = /#[^\n]*|\b(data)(?:\[|\.get\()(["'])([^"'\\\n]{1,100})\2|("""|''')[\s\S]*?\4|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;

export interface Known {
  /** The last reading as JSON; null if there is none. */
  sample: string | null;
  names: readonly Name[];
  /** The keys of all last readings; null if there are no readings, or some are no objects. */
  fields: ReadonlySet<string> | null;
}

export const UNKNOWN: Known = { sample: null, names: [], fields: null };

/** Read the keys of a machine. What it does not have, or may not be read, is left out. */
export async function keysOf(machine: string): Promise<Known> {
  const params = { path: { machine_id: machine } };
  const [readings, state, config] = await Promise.all([
    lastReadings(machine).then(({ readings }) => readings.map(({ json }) => json), () => []),
    body(api.GET("/machines/{machine_id}/state", { params })).catch(() => null),
    body(api.GET("/machines/{machine_id}/config", { params })).catch(() => null),
  ]);
  const values = readings.map((json) => JSON.parse(json) as unknown);
  const objects = values.filter(isObject);
  return {
    sample: readings.at(-1) ?? null,
    names: [...within("data", objects), ...within("state", [state]), ...within("config", [config])],
    fields: objects.length > 0 && objects.length === values.length ? new Set(objects.flatMap(Object.keys)) : null,
  };
}

/** Return the keys of some objects, each with its last value. */
function within(path: string, values: readonly unknown[], depth = 0): Name[] {
  const objects = values.filter(isObject);
  const last = new Map<string, unknown>(objects.flatMap(Object.entries));
  return [...last].slice(0, KEYS).flatMap(([name, value]): Name[] => [
    { name, place: path, detail: text(JSON.stringify(value), VALUE) },
    ...(depth < DEPTH ? within(`${path}\n${name}`, objects.map((each) => each[name]), depth + 1) : []),
  ]);
}

/** Return a note for each key that the source reads and that no reading has had. */
export function unknownKeys(source: string, { fields }: Known): Finding[] {
  const found = new Map<string, Finding>();
  for (const use of fields === null ? [] : source.matchAll(USE)) {
    const key = use[3];
    if (use[1] === undefined || key === undefined || fields?.has(key) || found.has(key)) continue;
    const before = source.slice(0, use.index).split("\n");
    const near = nearest(key, fields ?? new Set());
    found.set(key, {
      line: before.length, column: (before.at(-1)?.length ?? 0) + 1, severity: "info",
      message: `None of the last readings has the key "${key}".${near === null ? "" : ` Did you mean "${near}"?`}`,
    });
  }
  return [...found.values()];
}

/** Return the key that differs from `key` only in case, blanks and signs, or in at most two letters; null if none does. */
function nearest(key: string, keys: ReadonlySet<string>): string | null {
  const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");
  const near = [...keys].map((each) => ({ each, apart: distance(plain(each), plain(key)) }));
  near.sort((one, other) => one.apart - other.apart);
  const [best] = near;
  return best !== undefined && best.apart <= Math.min(2, key.length / 3) ? best.each : null;
}

/** Return how many letters must be added, removed or replaced to make one word the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = [...Array(other.length + 1).keys()];
  for (const [at, letter] of [...one].entries()) {
    const next = [at + 1];
    for (let to = 0; to < other.length; to++) {
      next.push(Math.min((row[to + 1] ?? 0) + 1, (next[to] ?? 0) + 1, (row[to] ?? 0) + (other[to] === letter ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
