// An unsaved logic, for each machine or profile, with the version that it started from. It stays in this tab, also
// after a reload, until it is saved or discarded.

import { forgetDraft, keepDraft, readDraft } from "../app/drafts";
import { NOTHING, type Deployed, type Owner } from "./owner";

interface Kept {
  base: Deployed;
  logic: string;
  examples: readonly string[];
  comment: string;
}

export class Draft {
  logic = $state("");
  /** JSON texts. */
  examples = $state.raw<readonly string[]>([]);
  comment = $state("");
  /** The logic that it started from. */
  base = $state.raw<Deployed>(NOTHING);
  /** Whether it was restored when the page was loaded. */
  restored = $state(false);

  readonly #name: string;

  constructor({ kind, name }: Owner) {
    this.#name = `${kind}:${name}`;
  }

  get changed(): boolean {
    return this.logic !== this.base.logic || this.examples.join("\n") !== this.base.examples.join("\n");
  }

  /** Start from the deployed logic. */
  begin(base: Deployed): void {
    this.base = base;
    this.logic = base.logic;
    this.examples = base.examples;
    this.comment = "";
    this.restored = false;
  }

  /** Restore the stored draft. Returns false if there is none. */
  restore(): boolean {
    const kept = readKept(this.#name);
    if (kept === null) return false;
    this.base = kept.base;
    this.logic = kept.logic;
    this.examples = kept.examples;
    this.comment = kept.comment;
    this.restored = true;
    return true;
  }

  /** Store the draft, or delete it if it has no unsaved changes. */
  keep(): void {
    const { base, logic, examples, comment } = this;
    if (this.changed) keepDraft(this.#name, { base, logic, examples, comment });
    else forgetDraft(this.#name);
  }
}

function readKept(name: string): Kept | null {
  const kept = readDraft(name) as Kept | null;
  return kept !== null && typeof kept.logic === "string" && Array.isArray(kept.examples) ? kept : null;
}
