// Tries a logic on readings, to compare its results with those of the deployed version.
//
// All JSON stays text, so that no long number is rounded.

import { api, asText, asWritten, body, type Schemas } from "../api/client";
import { EXACT } from "../api/exact";
import { members, parseExactly, same } from "../format/json";
import type { Format, Schedules } from "./payload.svelte";
import type { Reading } from "./readings";

/** The input of a trial. State, config and timers are JSON texts, or null for those of the machine. */
export interface TrialInput {
  machine: string | null;
  /** The format of the readings, if there is no machine whose settings apply. */
  format: Format;
  /** The schedules, likewise. */
  schedules: Schedules;
  state: string | null;
  config: string | null;
  timers: string | null;
  readings: readonly Reading[];
  /** The seconds that pass after the last reading. */
  wait: number;
}

/** The outcome of a reading, or of a timer or schedule that ran, in a trial. */
export interface Tried {
  /** The timer or schedule that ran; null for a reading. */
  timer: Schemas["TriedTimer"] | null;
  /** The timers that it set, each with the time at which it is due, and those that it cancelled, with null. */
  timers: Readonly<Record<string, string | null>>;
  /** The alarms that it raised, and the active ones that it cleared, with null. */
  alarms: Readonly<Record<string, Schemas["TriedAlarm"] | null>>;
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
  /** The timers that ran before each of these readings, and at last those that ran after all of them. */
  ran: readonly (readonly Tried[])[];
  notRun: number;
  stopped: string | null;
  /** The timers that are still set, each with the time at which it is due. */
  timersAfter: Readonly<Record<string, string>>;
  lastState: string | null;
  /** What the trial started with. */
  state: string;
  config: string;
  timers: string;
}

/** A timer that ran with the draft, with the deployed version, or with both. */
export interface TimerPair {
  key: string;
  tried: Tried | null;
  other: Tried | null;
}

/** A change of a key in the state. */
export interface Change {
  key: string;
  before: string | null;
  after: string | null;
}

export async function tryOut(logic: string, input: TrialInput, signal: AbortSignal): Promise<Report> {
  const given = [
    `"logic":${JSON.stringify(logic)}`,
    `"readings":[${input.readings.map((each) => each.json).join()}]`,
    `"received":${JSON.stringify(input.readings.map((each) => each.received))}`,
    `"wait":${input.wait}`,
  ];
  if (input.state !== null) given.push(`"state":${input.state}`);
  if (input.config !== null) given.push(`"config":${input.config}`);
  if (input.timers !== null) given.push(`"timers":${input.timers}`);
  if (input.machine === null) given.push(`"format":${JSON.stringify(input.format)}`, `"schedules":${JSON.stringify(input.schedules)}`);
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
  const readings: Tried[] = [];
  const ran: Tried[][] = [[]];
  said.readings.forEach((each, index) => {
    const fields = members(texts[index] ?? "{}");
    const after = fields?.get("state") ?? before;
    const results = [...(members(fields?.get("results") ?? "[]")?.values() ?? [])];
    const { outcome, fuel, seconds, error = null, timer = null, timers = {} } = each;
    const alarms = parseExactly(fields?.get("alarms") ?? "{}", EXACT) as Tried["alarms"];
    const tried: Tried = { timer, timers, alarms, outcome, results, before, after, fuel, seconds, error };
    before = after;
    if (timer !== null) {
      ran.at(-1)?.push(tried);
    } else {
      readings.push(tried);
      ran.push([]);
    }
  });
  return {
    errors: said.errors, readings, ran, notRun: said.not_run, stopped: said.stopped, timersAfter: said.timers_after,
    lastState: said.readings.length > 0 ? before : null, state,
    config: found.get("config") ?? input.config ?? "{}", timers: found.get("timers") ?? input.timers ?? "{}",
  };
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

/** Return whether two outcomes of a reading or a timer differ: in their results, errors, timers or alarms. */
export function differs(one: Tried, other: Tried): boolean {
  if (one.outcome !== other.outcome || one.error?.message !== other.error?.message) return true;
  if (!same(JSON.stringify(one.timers), JSON.stringify(other.timers))) return true;
  if (!same(JSON.stringify(one.alarms), JSON.stringify(other.alarms))) return true;
  return !same(`[${one.results.join()}]`, `[${other.results.join()}]`);
}

/** Return the timers that ran at the same place with the draft and with the deployed version, the same ones in pairs. */
export function pairs(ran: readonly Tried[], others: readonly Tried[]): TimerPair[] {
  const found = new Map<string, TimerPair>();
  for (const tried of ran) {
    const key = keyOf(tried);
    found.set(key, { key, tried, other: null });
  }
  for (const other of others) {
    const key = keyOf(other);
    found.set(key, { key, tried: found.get(key)?.tried ?? null, other });
  }
  return [...found.values()];
}

/** Return whether other timers ran with the deployed version, or with another outcome. */
export function timersDiffer(report: Report, other: Report): boolean {
  return report.ran.some((ran, place) =>
    pairs(ran, other.ran[place] ?? []).some(({ tried, other }) => !tried || !other || differs(tried, other)));
}

/** A timer or schedule cannot be due twice at the same time. */
function keyOf({ timer }: Tried): string {
  return timer === null ? "" : `${timer.due} ${timer.schedule ? "schedule" : "timer"} ${timer.name}`;
}

/** Return a reading and its outcome as an example. */
export function exampleOf(name: string, reading: string, format: Format, config: string, tried: Tried): string {
  const written = format === "json" ? "" : `"format":${JSON.stringify(format)},`;
  const active = Object.entries(tried.alarms).flatMap(([alarm, raised]) => (raised === null ? [] : [alarm]));
  const alarms = active.length === 0 ? "" : `,"alarms_after":${JSON.stringify(active)}`;
  const result = tried.error ? JSON.stringify({ error: tried.error.message }) : returned(tried.results);
  return `{"name":${JSON.stringify(name)},${written}"readings":[${reading}],"state":${tried.before},"config":${config},` +
    `"results":[${result}],"state_after":${tried.after}${alarms}}`;
}

/** Return results in the form of an example. A result that looks like an error is put in a list. */
function returned(results: readonly string[]): string {
  const [only] = results;
  if (only === undefined) return "null";
  const keys = [...(members(only)?.keys() ?? [])];
  return results.length > 1 || (keys.length === 1 && keys[0] === "error") ? `[${results.join()}]` : only;
}
