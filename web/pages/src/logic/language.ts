// The names that a logic may use, for the list beside the editor and for completions. They are read once.

import { api, body, type Schemas } from "../api/client";
import type { Name } from "../editor/finding";

export type Language = Schemas["Language"];

let asked: Promise<Language> | null = null;

export function language(): Promise<Language> {
  asked ??= body(api.GET("/logic/language")).catch((error: unknown) => {
    asked = null;
    throw error;
  });
  return asked;
}

/** Return the heading of a section. */
export function heading({ kind, of }: Schemas["AllowedNames"]): string {
  switch (kind) {
    case "function": return "Functions and types";
    case "value": return "Values";
    case "exception": return "Exceptions";
    case "module": return `import ${of}`;
    case "method": return `Methods of ${of}`;
    case "type": return `Called on ${of}`;
  }
}

/** Return the completions: names, `math.sqrt`, and methods after a dot. */
export function names(known: Language): Name[] {
  return known.sections.flatMap(({ kind, of, names }) =>
    names.map(({ name, what }): Name => {
      if (kind === "method") return { name, detail: `${what} (${of})`, place: "dot" };
      return { name: kind === "module" || kind === "type" ? `${of}.${name}` : name, detail: what };
    }),
  );
}

/** Return a limit of the language by its name, or NaN. */
export function limit(known: Language | null, name: string): number {
  return known?.limits.find((each) => each.name === name)?.value ?? NaN;
}
