// Readings to try a logic on: a machine's last readings, one of them, a dead letter, or a typed reading.

import { api, asText, body, type Schemas } from "../api/client";
import { nullOn, ProblemError } from "../api/problem";
import { members } from "../format/json";

export interface Reading {
  id: number;
  /** Its number on its machine; null if it was typed or edited. */
  number: number | null;
  /** Its JSON text, unchanged; if its format is not JSON, a JSON text with its text, or its bytes in hex. */
  json: string;
  /** When the system received it, or when it was typed; null if that is not known. */
  received: string | null;
}

let last = 0;

export function reading(json: string, number: number | null, received: string | null): Reading {
  return { id: ++last, number, json, received };
}

/** Return the machine's last readings, oldest first, and how many more cannot be tried. */
export async function lastReadings(machine: string): Promise<{ readings: Reading[]; left: number }> {
  return page(machine, {});
}

/** Return one of the machine's last readings (by its `sequence`) or dead letters. Throws if it no longer exists. */
export async function oneReading(machine: string, what: string): Promise<Reading> {
  const [kind, number = ""] = what.split(":");
  if (!(kind === "letter" ? /^(\d{1,15}|(expired|other-source)-[0-9a-f]{32})$/ : /^\d{1,15}$/).test(number)) throw gone("The reading in the address is invalid. The last readings are shown instead.");
  if (kind === "letter") {
    const params = { path: { machine, number } };
    const letter = await body(api.GET("/dead-letters/{machine}/{number}", { params, ...asText }));
    const { encoding, written, received } = JSON.parse(letter) as Schemas["WholeDeadLetter"];
    if (written === null && encoding !== "json") {
      throw gone(`The dead letter ${machine}/${number} is not JSON, so it cannot be tried. The last readings are shown instead.`);
    }
    const json = written === null ? (members(letter)?.get("reading") ?? "null") : JSON.stringify(written);
    return reading(json, /^\d/.test(number) ? Number(number) : null, received);
  }
  const { readings, first } = await page(machine, { before: Number(number) + 1, limit: 1 });
  const [found] = readings;
  if (found === undefined || first !== Number(number)) {
    throw gone("The reading is no longer stored, or is too long to try. The last readings are shown instead.");
  }
  return found;
}

/** Return whether the machine has dead letters of the kind no-logic. */
export async function failedWithoutLogic(machine: string): Promise<boolean> {
  const query = { machine, kind: "no-logic", limit: 1 } as const;
  const { dead_letters } = await body(api.GET("/dead-letters", { params: { query } }));
  return dead_letters.length > 0;
}

async function page(
  machine: string, query: { before?: number; limit?: number },
): Promise<{ readings: Reading[]; left: number; first: number | null }> {
  const params = { path: { machine_id: machine }, query };
  const written = await nullOn(404, body(api.GET("/machines/{machine_id}/readings", { params, ...asText })));
  if (written === null) return { readings: [], left: 0, first: null };
  const shown = [...(members(members(written)?.get("readings") ?? "[]")?.values() ?? [])].reverse();
  const all = shown
    .map((each) => ({ each, recent: JSON.parse(each) as Schemas["RecentReading"] }))
    .filter(({ recent }) => recent.timer === null);
  const readings = all.flatMap(({ each, recent: { number, whole, encoding, written, received } }) => {
    if (written !== null) return [reading(JSON.stringify(written), number, received)];
    return whole && encoding === "json" ? [reading(members(each)?.get("reading") ?? "null", number, received)] : [];
  });
  return { readings, left: all.length - readings.length, first: all[0]?.recent.sequence ?? null };
}

function gone(detail: string): ProblemError {
  return new ProblemError({ title: "Reading not found", status: 404, detail });
}
