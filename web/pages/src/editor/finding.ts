// What an editor is told. By itself, so that nobody loads the editor for it.

import type { Schemas } from "../api/client";

export type Language = "python" | "json";

/** How the keyboard leaves the editor. */
export const HINT = "Tab indents. Press Escape, then Tab, to leave the editor.";

/** Something that is wrong with what is edited. */
export interface Finding {
  /** From 1; null where it is of the whole. */
  line: number | null;
  /** Where in the line it begins, from 1. */
  column?: number | null;
  message: string;
  severity?: "error" | "warning";
}

/** A name that is offered while one types: where a name may stand, after a dot, or as a field of `data["…"]`. */
export interface Name {
  name: string;
  detail?: string;
  place?: "dot" | "field";
}

/** What the API says is wrong with a logic. */
export function findingsOf(problems: readonly Schemas["Problem"][]): Finding[] {
  return problems.map(({ line, column, message, hint }) => ({
    line, column, message: hint ? `${message.replace(/[^.!?]$/, "$&.")} ${hint}` : message,
  }));
}
