// Tries a logic on readings, to compare its results with those of the deployed version.
//
// All JSON stays text, so that no long number is rounded.

import { api, asText, asWritten, body, type Schemas } from "../api/client";
import { members, same } from "../format/json";
import type { Format } from "./payload.svelte";

/** The input of a trial. State and config are JSON texts, or null for those of the machine. */
export interface TrialInput {
  machine: string | null;
  /** The format of the readings, if there is no machine whose settings apply. */
  format: Format;
  state: string | null;
  config: string | null;
  readings: readonly string[];
}

/** The outcome of a reading in a trial. */
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

/** A change of a key in the state. */
export interface Change {
  key: string;
  before: string | null;
  after: string | null;
}

export async function tryOut(logic: string, input: TrialInput, signal: AbortSignal): Promise<Report> {
  const given = [`"logic":${JSON.stringify(logic)}`, `"readings":[${input.readings.join()}]`];
  if (input.state !== null) given.push(`"state":${input.state}`);
  if (input.config !== null) given.push(`"config":${input.config}`);
  if (input.machine === null) given.push(`"format":${JSON.stringify(input.format)}`);
  const options = { body: `{${given.join()}}` as never, signal, ...asWritten, ...asText };
  const answer = await body(input.machine === null
    ? api.POST("/logic/test", options)
    : api.POST("/machines/{machine_id}/logic/test", { params: { path: { machine_id: input.machine } }, ...options }));
  return report(answer as unknown as string, input);
}

function report(written: string, input: TrialInput): Report {
  const said = JSON.parse(written) as Schemas["TrialReport"];
  const found = members(written) ?? new Map<string, string>();
  const state = found.get("state") ?? input.state ?? "{}";
  let before = state;
  const texts = [...(members(found.get("readings") ?? "[]")?.values() ?? [])];
  const readings = said.readings.map((each, index): Tried => {
    const fields = members(texts[index] ?? "{}");
    const after = fields?.get("state") ?? before;
    const results = [...(members(fields?.get("results") ?? "[]")?.values() ?? [])];
    const tried = {
      outcome: each.outcome, results, before, after, fuel: each.fuel, seconds: each.seconds, error: each.error ?? null,
    };
    before = after;
    return tried;
  });
  const config = found.get("config") ?? input.config ?? "{}";
  return { errors: said.errors, readings, notRun: said.not_run, stopped: said.stopped, state, config };
}

/** Return the keys of the state that a reading has changed. */
export function changes(before: string, after: string): Change[] {
  const [old, now] = [members(before) ?? new Map<string, string>(), members(after) ?? new Map<string, string>()];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) => {
    const change = { key, before: old.get(key) ?? null, after: now.get(key) ?? null };
    const stayed = change.before !== null && change.after !== null && same(change.before, change.after);
    return stayed ? [] : [change];
  });
}

/** Return whether two outcomes of a reading differ: in their results or in their errors. */
export function differs(one: Tried, other: Tried): boolean {
  if (one.outcome !== other.outcome || one.error?.message !== other.error?.message) return true;
  return !same(`[${one.results.join()}]`, `[${other.results.join()}]`);
}

/** Return a reading and its outcome as an example. */
export function exampleOf(name: string, reading: string, format: Format, config: string, tried: Tried): string {
  const written = format === "json" ? "" : `"format":${JSON.stringify(format)},`;
  const result = tried.error ? JSON.stringify({ error: tried.error.message }) : returned(tried.results);
  return `{"name":${JSON.stringify(name)},${written}"readings":[${reading}],"state":${tried.before},"config":${config},` +
    `"results":[${result}],"state_after":${tried.after}}`;
}

/** Return results in the form of an example. A result that looks like an error is put in a list. */
function returned(results: readonly string[]): string {
  const [only] = results;
  if (only === undefined) return "null";
  const keys = [...(members(only)?.keys() ?? [])];
  return results.length > 1 || (keys.length === 1 && keys[0] === "error") ? `[${results.join()}]` : only;
}
