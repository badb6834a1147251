// The filter of dead letters, as the address has it and as the API expects it.

import type { Query } from "../../app/router.svelte";
import { isKind, wordsOf, type Kind } from "./kinds";

/** The value of the filter `machine` for readings whose topic names no machine. */
export const STRAY = "~stray";

export interface Filter {
  machine?: string;
  kind?: Kind;
  cause?: string;
  /** RFC 3339. */
  since?: string;
  until?: string;
}

/** Time spans in seconds, by their names in the address. */
export const SPANS = { hour: 3600, day: 86_400, week: 604_800 } as const;
export type Span = keyof typeof SPANS;

export function isSpan(text: string): text is Span {
  return Object.hasOwn(SPANS, text);
}

/** Return the filter in the address, without invalid values. */
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

/** Return the query of an address with this filter. */
export function queryOf({ machine, kind, cause, since, until }: Filter): Query {
  return { machine, kind, cause, since, until };
}

/** Return whether the API sends the matching dead letters again: it requires a machine, a kind or a cause. */
export function isNarrow(filter: Filter): boolean {
  return filter.machine !== undefined || filter.kind !== undefined || filter.cause !== undefined;
}

/** Return a filter in words, to follow "dead letters". */
export function inWords(filter: Filter): string {
  const parts = [];
  if (filter.cause !== undefined) parts.push("with this cause");
  if (filter.machine === STRAY) parts.push("without a machine");
  else if (filter.machine !== undefined) parts.push(`of ${filter.machine}`);
  if (filter.kind !== undefined && filter.cause === undefined) parts.push(`of the kind “${wordsOf(filter.kind).title}”`);
  if (filter.since !== undefined || filter.until !== undefined) parts.push("in the selected time");
  return parts.join(" ");
}
