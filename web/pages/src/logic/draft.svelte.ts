// What somebody writes and has not saved. It stays in this tab, also when the page is loaded again, until it is
// saved or discarded: by machine or profile, and with the version that it began from.

import { forgetDraft, keepDraft, readDraft } from "../app/drafts";
import { NOTHING, type InForce, type Owner } from "./owner";

interface Kept {
  base: InForce;
  logic: string;
  examples: readonly string[];
  comment: string;
}

export class Draft {
  logic = $state("");
  /** JSON texts. */
  examples = $state.raw<readonly string[]>([]);
  comment = $state("");
  /** What it began from. */
  base = $state.raw<InForce>(NOTHING);
  /** Whether it was here already when the page was loaded. */
  restored = $state(false);

  readonly #name: string;

  constructor({ kind, name }: Owner) {
    this.#name = `${kind}:${name}`;
  }

  get changed(): boolean {
    return this.logic !== this.base.logic || this.examples.join("\n") !== this.base.examples.join("\n");
  }

  /** Begin from what is in force. */
  begin(base: InForce): void {
    this.base = base;
    this.logic = base.logic;
    this.examples = base.examples;
    this.comment = "";
    this.restored = false;
  }

  /** Go on with what was kept. False where nothing was. */
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

  /** Keep it, or forget it where there is nothing that is not saved. */
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
