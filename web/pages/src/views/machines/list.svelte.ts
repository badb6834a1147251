// The machines that are meant, as far down as one has scrolled; those in sight are read again and again.
//
// The API gives a page at a time, from a cursor on. When the end comes near, the next page is added. Every few
// seconds the rows in sight are read anew, and only they: from behind the row above them to the last of them, so
// that a machine that comes or goes between them moves none of the others. That is one request for some fifty
// machines, whatever the plant sends; `/events` would bring every reading of all machines, and not the counts.
//
// In the order of when they were last seen, the front moves all the time. There it is read anew from the beginning
// while one looks at that, and stands still while one looks further down.

import { api, body, type Schemas } from "../../api/client";
import { Rates, type Rate } from "./rates";
import type { Where } from "./filter";

/** Machines that are asked for at first, and when the end comes near. */
const FIRST = 100;
const MORE = 500;
/** Machines that may have come between those in sight. */
const SPARE = 10;

/** A machine, with its rate: null before it was in sight. */
export type Row = Schemas["Machine"] & { rate: Rate | null };

/** The rows that are in sight, from and to. */
export interface Sight {
  from: number;
  to: number;
}

export class Fleet {
  rows = $state.raw<readonly Row[]>([]);
  /** Where the next page starts; null where all are there. */
  next = $state.raw<string | null>(null);
  /** Whether anything was read yet. */
  begun = $state(false);
  /** When the rows were brought into their order; null while they keep it. */
  standsSince = $state.raw<Date | null>(null);
  /** How far down one has scrolled, in pixels. */
  top = 0;

  readonly where: Where;
  readonly #rates = new Rates();
  #turn: Promise<unknown> = Promise.resolve();
  #read = new Date();

  constructor(where: Where) {
    this.where = where;
  }

  get isEmpty(): boolean {
    return this.begun && this.rows.length === 0 && this.next === null;
  }

  /** Read what is in sight. Raises what the API says is wrong. */
  refresh(sight: Sight, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.begun) await this.#begin(FIRST, signal);
      else if (this.where.sort === "last_seen") await this.#refreshFront(sight, signal);
      else await this.#refreshWindow(sight, signal);
    });
  }

  /** Add the next page, if there is one. */
  more(signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
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
    this.standsSince = null;
    this.#read = new Date();
  }

  async #refreshFront({ from, to }: Sight, signal: AbortSignal): Promise<void> {
    if (from === 0) await this.#begin(Math.min(Math.max(FIRST, to), 1000), signal);
    else this.standsSince = this.#read;
  }

  async #refreshWindow({ from, to }: Sight, signal: AbortSignal): Promise<void> {
    const start = Math.min(from, this.rows.length);
    const end = Math.min(to, this.rows.length);
    const until = end < this.rows.length ? this.rows[end - 1]?.id : undefined;
    const enough = (found: Schemas["Machine"][]): boolean =>
      until === undefined ? found.length >= end - start : (found.at(-1)?.id ?? "") >= until;
    const after = this.rows[start - 1]?.id ?? "";
    const page = await this.#pages(after, Math.min(end - start + SPARE, 1000), enough, signal);
    const found = until === undefined ? page.machines : page.machines.filter((each) => each.id <= until);
    this.rows = [...this.rows.slice(0, start), ...this.#seen(found), ...this.rows.slice(end)];
    if (until === undefined) this.next = page.next;
  }

  /** Pages from `after` on, until there is enough: what the API looks at for one is bounded, and may have none. */
  async #pages(
    after: string, limit: number, enough: (found: Schemas["Machine"][]) => boolean, signal: AbortSignal,
  ): Promise<Schemas["Machines"]> {
    const { prefix, health, profile, sort } = this.where;
    const machines: Schemas["Machine"][] = [];
    let next: string | null = after;
    do {
      const query = { prefix, sort, after: next, limit, ...(health && { health }), ...(profile && { profile }) };
      const page: Schemas["Machines"] = await body(api.GET("/machines", { params: { query }, signal }));
      machines.push(...page.machines);
      next = page.next;
    } while (next !== null && !enough(machines));
    return { machines, next };
  }

  #seen(machines: readonly Schemas["Machine"][]): Row[] {
    const time = performance.now();
    return machines.map((each) => ({ ...each, rate: this.#rates.look(each.id, each.readings, time) }));
  }

  /** One at a time: each begins with the rows as the one before has left them. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function unseen(machine: Schemas["Machine"]): Row {
  return { ...machine, rate: null };
}

let kept: Fleet | null = null;

/** The machines that are meant: those that are there, where it is the same question as the last time. */
export function fleetOf(where: Where): Fleet {
  if (kept === null || JSON.stringify(kept.where) !== JSON.stringify(where)) kept = new Fleet(where);
  return kept;
}
