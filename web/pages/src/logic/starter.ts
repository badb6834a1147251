// A first logic, to begin with: one that fits the fields of the machine's last reading, where there is one.

import { text } from "../format/text";

const FIELD = "temperature";
/** Fields that are numbers, and seldom what one asks for. */
const ASIDE = /^(time|timestamp|ts|seq|sequence|id|number|count)$/i;

/** `reading` is the JSON text of a reading; null where none is known. */
export function starter(reading: string | null): string {
  const sample = reading ?? `{"${FIELD}": 71.5}`;
  const found = numberIn(sample);
  return `\
# Runs for each reading of the machine, in the order in which they come.
#
#   data    the reading: ${text(sample.replaceAll("\n", " "), 80)}
#   state   what is remembered from reading to reading: {} at first
#   config  what this machine sets for itself (see Settings)
#
# What it returns is a result: an object, a list of them, or None for no result.

${found === null ? COUNTING : watching(...found)}`;
}

const COUNTING = `\
def process(data, state):
    # Count the readings.
    state["count"] = state.get("count", 0) + 1
    return {"count": state["count"], "reading": data}
`;

function watching(field: string, value: number): string {
  const name = JSON.stringify(field);
  return `\
def process(data, state):
    value = data[${name}]

    # Remember the greatest so far.
    state["greatest"] = max(value, state.get("greatest", value))

    # Tell when it goes over the limit, and when it is back: not with each reading.
    high = value > config.get("limit", ${above(value)})
    if high == state.get("high", False):
        return None
    state["high"] = high
    return {"alarm": high, ${name}: value, "greatest": state["greatest"]}
`;
}

/** The names of a reading's fields. */
export function fieldsOf(reading: string | null): string[] {
  const value = parsed(reading);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value).slice(0, 100) : [];
}

/** A number of the reading that a logic may be about, by its field. */
function numberIn(reading: string): [string, number] | null {
  const value = parsed(reading);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const numbers = Object.entries(value).filter(
    (each): each is [string, number] => typeof each[1] === "number" && each[0].length <= 60,
  );
  return numbers.find(([name]) => !ASIDE.test(name)) ?? numbers[0] ?? null;
}

function parsed(reading: string | null): unknown {
  try {
    return reading === null ? null : JSON.parse(reading);
  } catch {
    return null;
  }
}

/** A round number that is greater. */
function above(value: number): number {
  if (!(value > 0)) return value === 0 ? 1 : 0;
  const step = 10 ** Math.floor(Math.log10(value));
  return Number((Math.ceil((value * 1.1) / step) * step).toPrecision(3));
}
