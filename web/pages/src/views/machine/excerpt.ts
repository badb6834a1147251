// The lines of a logic around the one where a reading failed.

import type { Schemas } from "../../api/client";
import { ProblemError } from "../../api/problem";
import type { Owner } from "../../logic/owner";
import { version } from "../../logic/versions";

/** Lines before and after it. */
const AROUND = 2;
const KEPT = 20;

export interface Line {
  number: number;
  text: string;
  failed: boolean;
}

/** Sources that were read, by whose they are and their number: no version ever changes. */
const sources = new Map<string, Promise<string | null>>();

/** The lines around `line` in `source`; empty where it is not `text` that stands there. */
export function around(source: string, line: number, text: string): Line[] {
  const lines = source.split(/\r\n|\n|\r/);
  const there = lines[line - 1];
  if (there === undefined || !there.includes(text.trim())) return [];
  const first = Math.max(0, line - 1 - AROUND);
  return lines.slice(first, line + AROUND).map((each, index) => {
    const number = first + index + 1;
    return { number, text: each, failed: number === line };
  });
}

/**
 * Where a reading failed. Whose version it was is not kept with a reading: it is the profile's or the machine's
 * own, whichever has this text at this line. Empty where neither has, as after the machine was deleted.
 */
export async function excerpt(id: string, profile: string | null, number: number, error: Schemas["ReadingError"]): Promise<Line[]> {
  if (error.line === null) return [];
  const owners: Owner[] = [{ kind: "machine", name: id }];
  if (profile !== null) owners.unshift({ kind: "profile", name: profile });
  for (const owner of owners) {
    const source = await sourceOf(owner, number);
    const lines = source === null ? [] : around(source, error.line, error.text);
    if (lines.length > 0) return lines;
  }
  return [];
}

function sourceOf(owner: Owner, number: number): Promise<string | null> {
  const name = `${owner.kind} ${owner.name} ${number}`;
  const known = sources.get(name);
  if (known !== undefined) return known;
  const source = read(owner, number);
  sources.set(name, source);
  source.catch(() => sources.delete(name));
  for (const oldest of sources.keys()) {
    if (sources.size <= KEPT) break;
    sources.delete(oldest);
  }
  return source;
}

async function read(owner: Owner, number: number): Promise<string | null> {
  try {
    return (await version(owner, number)).logic;
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return null;
    throw error;
  }
}
