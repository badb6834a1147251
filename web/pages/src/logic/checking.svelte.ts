// What is wrong with a draft, found out while one types: a moment after the last key, and the last answer counts.

import { api, asWritten, body, type Schemas } from "../api/client";
import { asProblem, isAbort, type ProblemError } from "../api/problem";

const PAUSE = 350;
/** After how long to ask again where too many ask at once. */
const AGAIN = 2000;

export class Checking {
  errors = $state.raw<readonly Schemas["Problem"][]>([]);
  mismatches = $state.raw<readonly Schemas["Mismatch"][]>([]);
  /** Why it could not be found out. */
  problem = $state.raw<ProblemError | null>(null);
  /** Whether the verdict is of an older text. */
  stale = $state(true);

  #ending: AbortController | null = null;
  #timer = 0;

  get good(): boolean {
    return !this.stale && this.problem === null && this.errors.length === 0 && this.mismatches.length === 0;
  }

  /** Whether it is the draft's own fault that it cannot be found out: an example is none. */
  get refused(): boolean {
    const status = this.problem?.status ?? 0;
    return status >= 400 && status < 500 && status !== 429;
  }

  /** Find out soon. */
  check(logic: string, examples: readonly string[], pause = PAUSE): void {
    this.stop();
    this.stale = true;
    this.#timer = window.setTimeout(() => void this.#ask(logic, examples), pause);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#ending?.abort();
  }

  /** Take what an upload was refused for. */
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
