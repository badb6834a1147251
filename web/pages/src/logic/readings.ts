// Readings to try a logic on: the last of a machine, one of them, one of the dead letters, or typed ones.

import { api, asText, body, type Schemas } from "../api/client";
import { nullOn, ProblemError } from "../api/problem";
import { parts } from "../format/json";

export interface Reading {
  id: number;
  /** Its number on its machine; null where it was typed or changed. */
  number: number | null;
  /** Its JSON, as it was written. */
  json: string;
}

let last = 0;

export function reading(json: string, number: number | null = null): Reading {
  return { id: ++last, number, json };
}

/** The machine's last readings, the oldest first, and how many more cannot be tried. */
export async function lastReadings(machine: string): Promise<{ readings: Reading[]; left: number }> {
  return page(machine, {});
}

/** One of the machine's last readings, or of its dead letters. Throws where it is there no more. */
export async function oneReading(machine: string, what: string): Promise<Reading> {
  const [kind, number = ""] = what.split(":");
  if (!(kind === "letter" ? /^(\d{1,15}|expired-[0-9a-f]{32})$/ : /^\d{1,15}$/).test(number)) throw gone("The address names no reading.");
  if (kind === "letter") {
    const params = { path: { machine, number } };
    const letter = await body(api.GET("/dead-letters/{machine}/{number}", { params, ...asText }));
    if ((JSON.parse(letter) as Schemas["WholeDeadLetter"]).encoding !== "json") {
      throw gone(`The reading of the dead letter ${machine}/${number} is not JSON, so no logic ever sees it.`);
    }
    return reading(parts(letter)?.get("reading") ?? "null", /^\d/.test(number) ? Number(number) : null);
  }
  const { readings } = await page(machine, { before: Number(number) + 1, limit: 1 });
  const [found] = readings;
  if (found?.number !== Number(number)) {
    throw gone(`Reading ${number} is not kept any more, or is too long to be tried. The last readings are shown instead.`);
  }
  return found;
}

/** Whether readings of the machine are kept as dead letters because there was no logic. */
export async function failedWithoutLogic(machine: string): Promise<boolean> {
  const query = { machine, kind: "no-logic", limit: 1 } as const;
  const { dead_letters } = await body(api.GET("/dead-letters", { params: { query } }));
  return dead_letters.length > 0;
}

async function page(
  machine: string, query: { before?: number; limit?: number },
): Promise<{ readings: Reading[]; left: number }> {
  const params = { path: { machine_id: machine }, query };
  const written = await nullOn(404, body(api.GET("/machines/{machine_id}/readings", { params, ...asText })));
  if (written === null) return { readings: [], left: 0 };
  const all = [...(parts(parts(written)?.get("readings") ?? "[]")?.values() ?? [])].reverse();
  const readings = all.flatMap((each) => {
    const { number, whole, encoding } = JSON.parse(each) as Schemas["RecentReading"];
    return whole && encoding === "json" ? [reading(parts(each)?.get("reading") ?? "null", number)] : [];
  });
  return { readings, left: all.length - readings.length };
}

function gone(detail: string): ProblemError {
  return new ProblemError({ title: "No such reading", status: 404, detail });
}
