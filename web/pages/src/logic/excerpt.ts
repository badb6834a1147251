// The lines of a logic around the one where a reading failed.

import { nullOn } from "../api/problem";
import type { Owner } from "./owner";
import { version } from "./versions";

/** Lines before and after it. */
const AROUND = 2;
const KEPT = 20;

export interface Line {
  number: number;
  text: string;
  failed: boolean;
}

/** The line that failed: its text, its number, and its version, which belongs to one of `owners`. */
export interface Place {
  owners: readonly Owner[];
  version: number | null;
  line: number;
  text: string;
}

/** A cache of sources, by owner and version. A version never changes. */
const sources = new Map<string, Promise<string | null>>();

/**
 * Return the lines from the first of `owners` that has this line in this version: a reading does not say which of them
 * it was. Empty if none has it, for instance after the machine was deleted: its versions then start from 1 again.
 */
export async function excerpt({ owners, version: number, line, text }: Place): Promise<Line[]> {
  if (number === null) return [];
  for (const owner of owners) {
    const source = await sourceOf(owner, number);
    const lines = source === null ? [] : around(source, line, text);
    if (lines.length > 0) return lines;
  }
  return [];
}

function around(source: string, line: number, text: string): Line[] {
  const lines = source.split(/\r\n|\n|\r/);
  if (!lines[line - 1]?.includes(text.trim())) return [];
  const first = Math.max(0, line - 1 - AROUND);
  return lines.slice(first, line + AROUND).map((each, index) => {
    const number = first + index + 1;
    return { number, text: each, failed: number === line };
  });
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
  return (await nullOn(404, version(owner, number)))?.logic ?? null;
}
