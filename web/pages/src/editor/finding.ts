// The types of an editor's data, in a separate file so that importing them does not load the editor.

import type { Schemas } from "../api/client";

export type Language = "python" | "json";

/** How to use Tab in the editor. */
export const HINT = "Tab indents. Press Escape, then Tab, to leave the editor.";

/** An error, a warning or a note in the edited text. */
export interface Finding {
  /** From 1; null if the finding is about the whole text. */
  line: number | null;
  /** The column at which it begins, from 1. */
  column?: number | null;
  message: string;
  severity?: "error" | "warning" | "info";
}

/**
 * A completion: of a name, after a dot, or of a key. The place of a key is the object that has it, such as `data`, or
 * the keys that lead to it, each in its line: `data`, `motor` for a key of `data["motor"]`. Its detail is its last value.
 */
export interface Name {
  name: string;
  detail?: string;
  place?: string;
}

/** Return the API's errors in a logic, or its notes about it, as findings. */
export function findingsOf(problems: readonly Schemas["Problem"][], severity: Finding["severity"] = "error"): Finding[] {
  return problems.map(({ line, column, message, hint }) => ({
    line, column, severity, message: hint ? `${message.replace(/[^.!?]$/, "$&.")} ${hint}` : message,
  }));
}
