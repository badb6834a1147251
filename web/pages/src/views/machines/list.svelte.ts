// The rows of the list of machines: those loaded by scrolling, with the visible ones updated every few seconds.
//
// The API returns a page at a time, from a cursor on. Near the end of the rows the next page is added. An update reads
// only the visible rows, from the row above them to the last of them, so that a machine that appears or disappears
// between them moves none of the others. This is one request for about fifty machines, whatever their traffic.
// `/events` would send every reading of all machines, without the counts.
//
// In the order of "last seen" the first rows change all the time. While they are visible, an update reads the list from
// its start. Further down the rows keep their order.

import { api, body, type Schemas } from "../../api/client";
import type { MachineFilter } from "./filter";
import { Rates, type Rate } from "./rates";

/** The size of the first page, and of the next ones. */
const FIRST = 100;
const MORE = 500;
/** New machines that may have appeared between the visible ones. */
const SPARE = 10;

/** A machine with its rate, which is null before the row was visible. */
export type Row = Schemas["MachineSummary"] & { rate: Rate | null };

/** The range of visible rows. */
export interface Sight {
  from: number;
  to: number;
}

export class MachineList {
  rows = $state.raw<readonly Row[]>([]);
  /** The cursor of the next page; null if all machines are loaded. */
  next = $state.raw<string | null>(null);
  /** Whether the first page is loaded. */
  begun = $state(false);
  /** When the rows were put in their order, if that order is no longer updated; else null. */
  orderedAt = $state.raw<Date | null>(null);
  /** The scroll position, in pixels. */
  top = 0;

  readonly filter: MachineFilter;
  readonly #rates = new Rates();
  #previous: Promise<unknown> = Promise.resolve();
  #read = new Date();

  constructor(filter: MachineFilter) {
    this.filter = filter;
  }

  get isEmpty(): boolean {
    return this.begun && this.rows.length === 0 && this.next === null;
  }

  /** Update the visible rows. Throws the API's errors. */
  refresh(sight: Sight, signal: AbortSignal): Promise<void> {
    return this.#serialize(async () => {
      if (!this.begun) await this.#begin(FIRST, signal);
      else if (this.filter.sort === "last_seen") await this.#refreshFront(sight, signal);
      else await this.#refreshWindow(sight, signal);
    });
  }

  /** Add the next page, if there is one. */
  more(signal: AbortSignal): Promise<void> {
    return this.#serialize(async () => {
      if (this.next === null) return;
      const page = await this.#pages(this.next, MORE, (found) => found.length > 0, signal);
      this.rows = [...this.rows, ...page.machines.map(unseen)];
      this.next = page.next;
    });
  }

  async #begin(limit: number, signal: AbortSignal): Promise<void> {
    const page = await this.#pages("", limit, (found) => found.length >= limit / 2, signal);
    this.rows = this.#seen(page.machines);
    this.next = page.next;
    this.begun = true;
    this.orderedAt = null;
    this.#read = new Date();
  }

  async #refreshFront({ from, to }: Sight, signal: AbortSignal): Promise<void> {
    if (from === 0) await this.#begin(Math.min(Math.max(FIRST, to), 1000), signal);
    else this.orderedAt = this.#read;
  }

  async #refreshWindow({ from, to }: Sight, signal: AbortSignal): Promise<void> {
    const start = Math.min(from, this.rows.length);
    const end = Math.min(to, this.rows.length);
    const until = end < this.rows.length ? this.rows[end - 1]?.id : undefined;
    const enough = (found: Schemas["MachineSummary"][]): boolean =>
      until === undefined ? found.length >= end - start : (found.at(-1)?.id ?? "") >= until;
    const after = this.rows[start - 1]?.id ?? "";
    const page = await this.#pages(after, Math.min(end - start + SPARE, 1000), enough, signal);
    const found = until === undefined ? page.machines : page.machines.filter((each) => each.id <= until);
    this.rows = [...this.rows.slice(0, start), ...this.#seen(found), ...this.rows.slice(end)];
    if (until === undefined) this.next = page.next;
  }

  /** Read pages from `after` on until `enough`: a page may be short or empty, because the API limits its search. */
  async #pages(
    after: string, limit: number, enough: (found: Schemas["MachineSummary"][]) => boolean, signal: AbortSignal,
  ): Promise<Schemas["MachineList"]> {
    const { text, health, profile, tag, line, sort } = this.filter;
    const machines: Schemas["MachineSummary"][] = [];
    let next: string | null = after;
    do {
      const query = {
        text, sort, after: next, limit,
        ...(health && { health }), ...(profile && { profile }), ...(tag && { tag }), ...(line && { line }),
      };
      const page: Schemas["MachineList"] = await body(api.GET("/machines", { params: { query }, signal }));
      machines.push(...page.machines);
      next = page.next;
    } while (next !== null && !enough(machines));
    return { machines, next };
  }

  #seen(machines: readonly Schemas["MachineSummary"][]): Row[] {
    const time = performance.now();
    return machines.map((each) => ({ ...each, rate: this.#rates.add(each.id, each.readings, time) }));
  }

  /** Run one operation at a time: each starts with the rows that the previous one left. */
  #serialize(work: () => Promise<void>): Promise<void> {
    const result = this.#previous.then(work);
    this.#previous = result.catch(() => undefined);
    return result;
  }
}

function unseen(machine: Schemas["MachineSummary"]): Row {
  return { ...machine, rate: null };
}

let kept: MachineList | null = null;

/** Return the list for a filter: the last one, with its loaded rows, if the filter has not changed. */
export function machineListOf(filter: MachineFilter): MachineList {
  if (kept === null || JSON.stringify(kept.filter) !== JSON.stringify(filter)) kept = new MachineList(filter);
  return kept;
}
