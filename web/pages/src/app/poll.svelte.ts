// A value from the API that is read again every few seconds while the tab is visible.
//
//     const machines = new Poll((signal) => body(api.GET("/machines", { signal })), 5);
//
// Create it while a component is initialised; it stops with the component. State that `read` uses before its first
// await, such as the router's, is tracked: when it changes, the value is read again at once.

import { asProblem, isAbort, type ProblemError } from "../api/problem";
import { sleep } from "./timing";

export class Poll<T> {
  /** The last value; undefined before the first. It stays if a later read fails. */
  value = $state.raw<T | undefined>(undefined);
  /** Why the last read failed; null if it succeeded. */
  problem = $state.raw<ProblemError | null>(null);
  /** When the value was read. */
  time = $state.raw<Date | null>(null);

  #again = $state(0);

  /** Without `seconds` the value is read once, and again after each `refresh`. */
  constructor(read: (signal: AbortSignal) => Promise<T>, seconds: number | null = null) {
    $effect(() => {
      void this.#again;
      const ending = new AbortController();
      void this.#run(read, seconds, ending.signal);
      return () => ending.abort();
    });
  }

  /** Read the value now. */
  refresh(): void {
    this.#again++;
  }

  async #run(read: (signal: AbortSignal) => Promise<T>, seconds: number | null, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const value = await read(signal);
        if (signal.aborted) return;
        this.value = value;
        this.problem = null;
        this.time = new Date();
      } catch (error) {
        if (isAbort(error) || signal.aborted) return;
        this.problem = asProblem(error);
      }
      if (seconds === null) return;
      await sleep(seconds * 1000, signal);
      await shown(signal);
    }
  }
}

/** Wait until the tab is visible. */
function shown(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look, { once: true });
  });
}
