// Functions on JSON as text. JSON.parse would round numbers of more than 15 digits, and a state may contain them.

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/g;

// Browsers since 2025 have both; TypeScript does not know them yet.
interface ExactJson {
  parse(text: string, reviver: (name: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON?: (text: string) => object;
  isRawJSON?: (value: unknown) => boolean;
}
const EXACT = JSON as unknown as ExactJson;

/**
 * Parse a JSON text. Below members with one of these names, a number that JavaScript would write differently, such as
 * 9007199254740993 or 21.0, becomes an object that JSON.stringify writes as it came; `numberOf` returns its value.
 */
export function parseExactly(text: string, names: ReadonlySet<string>): unknown {
  const plain: unknown = JSON.parse(text);
  const raw = EXACT.rawJSON;
  if (raw === undefined) return plain;
  const exact = EXACT.parse(text, (_, value, { source }) =>
    typeof value === "number" && source !== undefined && source !== String(value) ? raw(source) : value);
  return below(plain, exact, names);
}

/** Return `plain` with the members of these names from `exact`, which has the same shape. */
function below(plain: unknown, exact: unknown, names: ReadonlySet<string>): unknown {
  if (typeof plain !== "object" || plain === null) return plain;
  if (Array.isArray(plain)) return plain.map((each, index) => below(each, (exact as unknown[])[index], names));
  const other = exact as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(plain).map(([name, each]) => [name, names.has(name) ? other[name] : below(each, other[name], names)]),
  );
}

/** Return a number of a JSON text as a number; any other value as it is. */
export function numberOf(value: unknown): unknown {
  return EXACT.isRawJSON?.(value) ? Number(JSON.stringify(value)) : value;
}

/** Return a JSON text indented by two spaces. Numbers and strings stay as they are written. */
export function indented(json: string): string {
  const out: string[] = [];
  let depth = 0;
  let before = "";
  const line = (): void => void out.push("\n", "  ".repeat(depth));
  for (const [token] of json.matchAll(TOKEN)) {
    const closing = token === "}" || token === "]";
    const opened = before === "{" || before === "[";
    if (closing) depth--;
    if (closing !== opened && before !== ":" && (closing || opened)) line();
    else if (before === ",") line();
    out.push(token === ":" ? ": " : token);
    if (token === "{" || token === "[") depth++;
    before = token;
  }
  return out.join("");
}

/** Return why a text is not valid JSON, or null if it is valid. */
export function jsonProblem(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Return why a text is not a valid JSON object, or null if it is. */
export function jsonObjectProblem(text: string): string | null {
  return jsonProblem(text) ?? (text.trim().startsWith("{") ? null : "It must be a JSON object: { … }.");
}

/** Return the members of an object by name, or the items of an array by index, as text; null for any other value. */
export function members(json: string): ReadonlyMap<string, string> | null {
  const found = new Map<string, string>();
  const text = json.trim();
  const isObject = text.startsWith("{");
  if (!isObject && !text.startsWith("[")) return null;
  let depth = 0;
  let name: string | null = null;
  let from = -1;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
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

/** Return whether two JSON texts are equal: the order of keys does not matter, and 1 equals 1.0. */
export function same(one: string, other: string): boolean {
  return one === other || canonical(one) === canonical(other);
}

function canonical(json: string): string {
  const found = members(json);
  if (found === null) return scalar(json.trim());
  if (json.trim().startsWith("[")) return `[${[...found.values()].map(canonical).join()}]`;
  const sorted = [...found].sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${canonical(value)}`).join()}}`;
}

function scalar(json: string): string {
  const value: unknown = JSON.parse(json);
  return typeof value === "number" && !(Number.isInteger(value) && !Number.isSafeInteger(value)) ? String(value) : json;
}
