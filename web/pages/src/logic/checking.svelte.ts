// Checks a draft while somebody types: shortly after the last key press. Only the last answer counts.

import { api, asWritten, body, type Schemas } from "../api/client";
import { asProblem, isAbort, type ProblemError } from "../api/problem";

const PAUSE = 350;
/** Milliseconds until the next attempt if the API is busy. */
const AGAIN = 2000;

export class Checking {
  errors = $state.raw<readonly Schemas["Problem"][]>([]);
  notes = $state.raw<readonly Schemas["Problem"][]>([]);
  mismatches = $state.raw<readonly Schemas["Mismatch"][]>([]);
  /** Why the check failed. */
  problem = $state.raw<ProblemError | null>(null);
  /** Whether the result is for an older text. */
  stale = $state(true);

  #ending: AbortController | null = null;
  #timer = 0;

  get good(): boolean {
    return !this.stale && this.problem === null && this.errors.length === 0 && this.mismatches.length === 0;
  }

  /** Whether the API rejected the draft itself, for instance because an example is invalid. */
  get refused(): boolean {
    const status = this.problem?.status ?? 0;
    return status >= 400 && status < 500 && status !== 429;
  }

  /** Check the draft after a pause. */
  check(logic: string, examples: readonly string[], pause = PAUSE): void {
    this.stop();
    this.stale = true;
    this.#timer = window.setTimeout(() => void this.#ask(logic, examples), pause);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#ending?.abort();
  }

  /** Show the errors for which an upload was rejected. */
  take(refusal: ProblemError): void {
    this.stop();
    this.errors = refusal.errors as unknown as Schemas["Problem"][];
    this.mismatches = refusal.details.examples ?? [];
    this.stale = false;
  }

  async #ask(logic: string, examples: readonly string[]): Promise<void> {
    const ending = (this.#ending = new AbortController());
    const written = `{"logic":${JSON.stringify(logic)},"examples":[${examples.join()}]}`;
    try {
      const verdict = await body(
        api.POST("/logic/validate", { body: written as never, signal: ending.signal, ...asWritten }),
      );
      if (ending.signal.aborted) return;
      this.errors = verdict.errors;
      this.notes = verdict.notes;
      this.mismatches = verdict.examples;
      this.problem = null;
      this.stale = false;
    } catch (error) {
      if (isAbort(error) || ending.signal.aborted) return;
      const problem = asProblem(error);
      if (problem.status === 503 || problem.status === 429) this.check(logic, examples, AGAIN);
      else this.stale = false;
      this.problem = problem;
    }
  }
}
