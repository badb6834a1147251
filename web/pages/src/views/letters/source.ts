// The lines of a logic around the one at which a reading failed.

import { api, body } from "../../api/client";
import { ProblemError } from "../../api/problem";

/** Lines before and after it. */
const AROUND = 4;

export interface Line {
  number: number;
  text: string;
  failed: boolean;
}

export interface Place {
  machine: string | null;
  logicprofile: string | null;
  logicversion: number | null;
  line: number | null;
  text: string;
}

/** The lines; none where the version is not there any more, or is another one by now. */
export async function linesAround(place: Place): Promise<Line[]> {
  const { line, text } = place;
  if (line === null) return [];
  const source = (await sourceOf(place))?.split(/\r\n|\n|\r/) ?? [];
  // After a machine was deleted its versions are numbered from 1 again.
  if (!source[line - 1]?.includes(text.trim())) return [];
  const first = Math.max(0, line - 1 - AROUND);
  return source.slice(first, line + AROUND).map((each, index) => {
    const number = first + index + 1;
    return { number, text: each, failed: number === line };
  });
}

async function sourceOf({ machine, logicprofile, logicversion: number }: Place): Promise<string | null> {
  if (number === null) return null;
  try {
    if (logicprofile !== null) {
      const path = { name: logicprofile, number };
      return (await body(api.GET("/profiles/{name}/logic/versions/{number}", { params: { path } }))).logic;
    }
    if (machine === null) return null;
    const path = { machine_id: machine, number };
    return (await body(api.GET("/machines/{machine_id}/logic/versions/{number}", { params: { path } }))).logic;
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return null;
    throw error;
  }
}
