// Which dead letters are meant, as the address has it, and as the API takes it.

import type { Query } from "../../app/router.svelte";
import { isKind, wordsOf, type Kind } from "./kinds";

/** What stands for the machine of readings that named none. */
export const STRAY = "~stray";

export interface Filter {
  machine?: string;
  kind?: Kind;
  cause?: string;
  /** RFC 3339. */
  since?: string;
  until?: string;
}

/** Spans of time, in seconds, by what the address calls them. */
export const SPANS = { hour: 3600, day: 86_400, week: 604_800 } as const;
export type Span = keyof typeof SPANS;

export function isSpan(text: string): text is Span {
  return Object.hasOwn(SPANS, text);
}

/** The filter that an address has. What cannot be one is left out. */
export function filterOf(get: (name: string) => string, now = new Date()): Filter {
  const filter: Filter = {};
  const [machine, kind, cause, time] = [get("machine").trim(), get("kind"), get("cause"), get("time")];
  if (machine) filter.machine = machine;
  if (isKind(kind)) filter.kind = kind;
  if (/^[0-9a-f]{16}$/.test(cause)) filter.cause = cause;
  if (isSpan(time)) filter.since = new Date(now.getTime() - SPANS[time] * 1000).toISOString();
  for (const name of ["since", "until"] as const) {
    const moment = new Date(get(name));
    if (get(name) && !Number.isNaN(moment.getTime())) filter[name] = moment.toISOString();
  }
  return filter;
}

/** What leads an address to a filter. */
export function queryOf({ machine, kind, cause, since, until }: Filter): Query {
  return { machine, kind, cause, since, until };
}

/** Whether it says which letters: to send again needs a machine, a kind or a cause. */
export function isNarrow(filter: Filter): boolean {
  return filter.machine !== undefined || filter.kind !== undefined || filter.cause !== undefined;
}

/** A filter in words, to stand behind "dead letters". */
export function inWords(filter: Filter): string {
  const parts = [];
  if (filter.cause !== undefined) parts.push("of this cause");
  if (filter.machine === STRAY) parts.push("that name no machine");
  else if (filter.machine !== undefined) parts.push(`of ${filter.machine}`);
  if (filter.kind !== undefined && filter.cause === undefined) parts.push(`of the kind “${wordsOf(filter.kind).title}”`);
  if (filter.since !== undefined || filter.until !== undefined) parts.push("in the chosen time");
  return parts.join(" ");
}
