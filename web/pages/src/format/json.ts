// JSON as it is written. JSON.parse would round a number of more than 15 digits; a state may have such.

const STRING_OR_MARK = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/g;

/** A JSON text, indented by two; every number and text in it stays as it is written. */
export function indented(json: string): string {
  const parts: string[] = [];
  let depth = 0;
  let before = "";
  const line = (): void => void parts.push("\n", "  ".repeat(depth));
  for (const [token] of json.matchAll(STRING_OR_MARK)) {
    const closing = token === "}" || token === "]";
    const opened = before === "{" || before === "[";
    if (closing) depth--;
    if (closing !== opened && before !== ":" && (closing || opened)) line();
    else if (before === ",") line();
    parts.push(token === ":" ? ": " : token);
    if (token === "{" || token === "[") depth++;
    before = token;
  }
  return parts.join("");
}

/** What is wrong with a text that is to be JSON, in words; null where nothing is. */
export function jsonProblem(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The same for a text that must be a JSON object. */
export function jsonObjectProblem(text: string): string | null {
  return jsonProblem(text) ?? (text.trim().startsWith("{") ? null : "It must be a JSON object: { … }.");
}

/** What is in an object, or a list, each as it is written and by its name, or place; null of all else. */
export function parts(json: string): ReadonlyMap<string, string> | null {
  const found = new Map<string, string>();
  const text = json.trim();
  const isObject = text.startsWith("{");
  if (!isObject && !text.startsWith("[")) return null;
  let depth = 0;
  let name: string | null = null;
  let from = -1;
  for (const { 0: token, index } of text.matchAll(STRING_OR_MARK)) {
    const closing = token === "}" || token === "]";
    if (closing) depth--;
    if ((depth === 1 && token === ",") || (depth === 0 && closing)) {
      if (from >= 0) found.set(name ?? String(found.size), text.slice(from, index).trim());
      from = -1;
      name = null;
    } else if (depth === 1 && isObject && name === null) {
      name = JSON.parse(token) as string;
    } else if (depth === 1 && from < 0 && !(isObject && token === ":")) {
      from = index;
    }
    if (token === "{" || token === "[") depth++;
  }
  return found;
}

/** Whether two JSON texts say the same: the order of an object's keys says nothing, and 1 is 1.0. */
export function same(one: string, other: string): boolean {
  return one === other || canonical(one) === canonical(other);
}

function canonical(json: string): string {
  const found = parts(json);
  if (found === null) return scalar(json.trim());
  if (json.trim().startsWith("[")) return `[${[...found.values()].map(canonical).join()}]`;
  const sorted = [...found].sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${canonical(value)}`).join()}}`;
}

function scalar(json: string): string {
  const value: unknown = JSON.parse(json);
  return typeof value === "number" && !(Number.isInteger(value) && !Number.isSafeInteger(value)) ? String(value) : json;
}
