// Completions for Python: known names, methods after a dot, and fields within data["…"].

import type { Completion, CompletionContext, CompletionResult, CompletionSource } from "@codemirror/autocomplete";
import { syntaxTree } from "@codemirror/language";

import type { Name } from "./finding";

const FIELD = /\bdata(\[|\.get\()["'][^"'\n]*$/;
const METHOD = /[\w\])"']\.\w*$/;
const NAME = /[A-Za-z_][\w.]*$/;

/** Return a source of completions. It calls `known` each time, so the names may arrive later. */
export function completions(known: () => readonly Name[]): CompletionSource {
  return (context) => {
    const inText = /String|Comment/.test(syntaxTree(context.state).resolveInner(context.pos, -1).name);
    const field = context.matchBefore(FIELD);
    if (field) return offer(known(), "field", field.from + field.text.search(/["']/) + 1, /^[^"'\n]*$/);
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

function asked(context: CompletionContext, name: { text: string } | null): boolean {
  return context.explicit || (name !== null && name.text.length > 1);
}

function offer(known: readonly Name[], place: Name["place"], from: number, validFor: RegExp): CompletionResult {
  return { from, options: known.filter((each) => each.place === place).map(completion), validFor };
}

function completion({ name, detail, place }: Name): Completion {
  const type = place === "field" ? "property" : place === "dot" ? "method" : "function";
  return { label: name, type, ...(detail === undefined ? {} : { detail }) };
}
