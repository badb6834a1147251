// What a logic may use, asked for once: for the list beside the editor, and for what it offers while one types.

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

/** How a section is headed. */
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

/** What the editor offers: names, `math.sqrt`, and methods after a dot. */
export function names(known: Language): Name[] {
  return known.sections.flatMap(({ kind, of, names }) =>
    names.map(({ name, what }): Name => {
      if (kind === "method") return { name, detail: `${what} (${of})`, place: "dot" };
      return { name: kind === "module" || kind === "type" ? `${of}.${name}` : name, detail: what };
    }),
  );
}

/** A limit of the language by its name, or a number that is none. */
export function limit(known: Language | null, name: string): number {
  return known?.limits.find((each) => each.name === name)?.value ?? NaN;
}
