// A first logic to start from. It uses a field of the machine's last reading, if there is one.

import { text } from "../format/text";

const FIELD = "temperature";
/** Numeric fields that are seldom measured values. */
const ASIDE = /^(time|timestamp|ts|seq|sequence|id|number|count)$/i;

/** Return the source for a machine whose last reading is this JSON text; null if it has none. */
export function starter(reading: string | null): string {
  const sample = reading ?? `{"${FIELD}": 71.5}`;
  const found = numberIn(sample);
  return `\
# Runs for each reading of the machine, in the order in which they arrive.
#
#   data    the reading: ${text(sample.replaceAll("\n", " "), 80)}
#   state   kept from one reading to the next: {} at first
#   config  the config of this machine (see Settings)
#
# Return a result: an object, a list of objects, or None for no result.

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

    # Keep the greatest value so far.
    state["greatest"] = max(value, state.get("greatest", value))

    # Report only when the value crosses the limit, not with each reading.
    high = value > config.get("limit", ${above(value)})
    if high == state.get("high", False):
        return None
    state["high"] = high
    return {"alarm": high, ${name}: value, "greatest": state["greatest"]}
`;
}

/** Return the numeric field of a reading that a logic is most likely about, and its value. */
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

/** Return a round number above `value`. */
function above(value: number): number {
  if (!(value > 0)) return value === 0 ? 1 : 0;
  const step = 10 ** Math.floor(Math.log10(value));
  return Number((Math.ceil((value * 1.1) / step) * step).toPrecision(3));
}
