// Completions for Python, and what the pointer shows: known names, methods after a dot, and keys, as in data["…"].

import type { Completion, CompletionContext, CompletionResult, CompletionSource } from "@codemirror/autocomplete";
import { syntaxTree } from "@codemirror/language";

import type { Name } from "./finding";

const KEY = /\b(data|state|config)((?:\[["'][^"'\n]*["']\])*)(?:\[|\.get\()["'][^"'\n]*$/;
const METHOD = /[\w\])"']\.\w*$/;
const NAME = /[A-Za-z_][\w.]*$/;

/** Return a source of completions. It calls `known` each time, so the names may arrive later. */
export function completions(known: () => readonly Name[]): CompletionSource {
  return (context) => {
    const inText = /String|Comment/.test(syntaxTree(context.state).resolveInner(context.pos, -1).name);
    const key = context.matchBefore(KEY);
    if (key) return offer(known(), placeOf(key.text), key.from + startOf(key.text), /^[^"'\n]*$/);
    if (inText) return null;
    const name = context.matchBefore(NAME);
    if (name && known().some((each) => each.place === undefined && each.name.startsWith(name.text))) {
      return offer(known(), undefined, name.from, /^[\w.]*$/);
    }
    const method = context.matchBefore(METHOD);
    if (method) return offer(known(), "dot", context.pos - method.text.length + method.text.lastIndexOf(".") + 1, /^\w*$/);
    return asked(context, name) ? offer(known(), undefined, name?.from ?? context.pos, /^[\w.]*$/) : null;
  };
}

/** Return the place of the key that begins at the end of a text, as in `Name`. */
function placeOf(text: string): string | undefined {
  const [, object, keys] = KEY.exec(text) ?? [];
  return object && [object, ...[...(keys ?? "").matchAll(/\[["']([^"'\n]*)["']\]/g)].map(([, key]) => key)].join("\n");
}

/** Return where the key begins in a text that ends within it. */
function startOf(text: string): number {
  return Math.max(text.lastIndexOf('"'), text.lastIndexOf("'")) + 1;
}

/** Return the name at a position in a line: a known name, a method, or a key; null if there is none. */
export function nameAt(line: string, at: number, known: readonly Name[]): { name: Name; from: number; to: number } | null {
  for (const { index, 0: found } of line.matchAll(/["'][^"'\n]*["']|\.?[A-Za-z_][\w.]*/g)) {
    const to = index + found.length;
    if (at < index || at > to) continue;
    const quoted = /^["']/.test(found);
    const place = quoted ? placeOf(line.slice(0, index + 1)) : undefined;
    if (quoted && place === undefined) return null;
    const last = found.slice(found.lastIndexOf(".") + 1);
    const name = quoted
      ? known.find((each) => each.place === place && each.name === found.slice(1, -1))
      : (known.find((each) => each.place === undefined && each.name === found) ??
        known.find((each) => each.place === "dot" && found.includes(".") && each.name === last));
    return name === undefined ? null : { name, from: index, to };
  }
  return null;
}

function asked(context: CompletionContext, name: { text: string } | null): boolean {
  return context.explicit || (name !== null && name.text.length > 1);
}

function offer(known: readonly Name[], place: Name["place"], from: number, validFor: RegExp): CompletionResult {
  return { from, options: known.filter((each) => each.place === place).map(completion), validFor };
}

function completion({ name, detail, place }: Name): Completion {
  const type = place === undefined ? "function" : place === "dot" ? "method" : "property";
  return { label: name, type, ...(detail === undefined ? {} : { detail }) };
}
