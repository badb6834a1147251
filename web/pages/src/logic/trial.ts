// Trying a logic on readings, and what it gives beside what the version in force gives on the same ground.
//
// All JSON stays as it was written, so that no long number is rounded on the way.

import { api, asText, asWritten, body, type Schemas } from "../api/client";
import { parts, same } from "../format/json";

/** Where it is tried: on a machine with its state and config, or on none. JSON texts; null for the machine's own. */
export interface Ground {
  machine: string | null;
  state: string | null;
  config: string | null;
  readings: readonly string[];
}

/** What became of a reading. */
export interface Tried {
  outcome: Schemas["Tried"]["outcome"];
  results: readonly string[];
  before: string;
  after: string;
  fuel: number;
  seconds: number;
  error: Schemas["Failure"] | null;
}

export interface Report {
  errors: readonly Schemas["Problem"][];
  readings: readonly Tried[];
  notRun: number;
  stopped: string | null;
  state: string;
  config: string;
}

/** A key of the state that a reading has changed. */
export interface Change {
  key: string;
  before: string | null;
  after: string | null;
}

export async function tryOut(logic: string, ground: Ground, signal: AbortSignal): Promise<Report> {
  const given = [`"logic":${JSON.stringify(logic)}`, `"readings":[${ground.readings.join()}]`];
  if (ground.state !== null) given.push(`"state":${ground.state}`);
  if (ground.config !== null) given.push(`"config":${ground.config}`);
  const options = { body: `{${given.join()}}` as never, signal, ...asWritten, ...asText };
  const answer = await body(ground.machine === null
    ? api.POST("/logic/test", options)
    : api.POST("/machines/{machine_id}/logic/test", { params: { path: { machine_id: ground.machine } }, ...options }));
  return report(answer as unknown as string, ground);
}

function report(written: string, ground: Ground): Report {
  const said = JSON.parse(written) as Schemas["TrialReport"];
  const found = parts(written) ?? new Map<string, string>();
  const state = found.get("state") ?? ground.state ?? "{}";
  let before = state;
  const texts = [...(parts(found.get("readings") ?? "[]")?.values() ?? [])];
  const readings = said.readings.map((each, index): Tried => {
    const fields = parts(texts[index] ?? "{}");
    const after = fields?.get("state") ?? before;
    const results = [...(parts(fields?.get("results") ?? "[]")?.values() ?? [])];
    const tried = {
      outcome: each.outcome, results, before, after, fuel: each.fuel, seconds: each.seconds, error: each.error ?? null,
    };
    before = after;
    return tried;
  });
  const config = found.get("config") ?? ground.config ?? "{}";
  return { errors: said.errors, readings, notRun: said.not_run, stopped: said.stopped, state, config };
}

/** What a reading has changed in the state, by its keys. */
export function changes(before: string, after: string): Change[] {
  const [old, now] = [parts(before) ?? new Map<string, string>(), parts(after) ?? new Map<string, string>()];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) => {
    const change = { key, before: old.get(key) ?? null, after: now.get(key) ?? null };
    const stayed = change.before !== null && change.after !== null && same(change.before, change.after);
    return stayed ? [] : [change];
  });
}

/** Whether two logics give something else for a reading: other results, or one fails, or fails otherwise. */
export function differs(one: Tried, other: Tried): boolean {
  if (one.outcome !== other.outcome || one.error?.message !== other.error?.message) return true;
  return !same(`[${one.results.join()}]`, `[${other.results.join()}]`);
}

/** A reading and what came of it, as an example of the logic. */
export function exampleOf(name: string, reading: string, config: string, tried: Tried): string {
  const result = tried.error ? JSON.stringify({ error: tried.error.message }) : returned(tried.results);
  return `{"name":${JSON.stringify(name)},"readings":[${reading}],"state":${tried.before},"config":${config},` +
    `"results":[${result}],"state_after":${tried.after}}`;
}

/** Results as an example has them. One that looks like an error is written in a list. */
function returned(results: readonly string[]): string {
  const [only] = results;
  if (only === undefined) return "null";
  const keys = [...(parts(only)?.keys() ?? [])];
  return results.length > 1 || (keys.length === 1 && keys[0] === "error") ? `[${results.join()}]` : only;
}
