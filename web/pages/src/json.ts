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
