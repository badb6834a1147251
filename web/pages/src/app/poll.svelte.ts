// Something of the API, read again every few seconds while somebody looks.
//
//     const machines = new Poll((signal) => body(api.GET("/machines", { signal })), 5);
//
// Made while a component is set up, and ends with it. What `read` reads of the router or of other state before
// its first await is watched: when it changes, it is read again at once. While the tab is hidden it rests.

import { asProblem, isAbort, type ProblemError } from "../api/problem";
import { sleep } from "./timing";

export class Poll<T> {
  /** What was read last; undefined before. It stays while a later reading fails. */
  value = $state.raw<T | undefined>(undefined);
  /** Why the last reading failed; null where it did not. */
  problem = $state.raw<ProblemError | null>(null);
  /** When it was read. */
  time = $state.raw<Date | null>(null);

  #again = $state(0);

  /** Without `seconds` it is read once, and when it is asked to. */
  constructor(read: (signal: AbortSignal) => Promise<T>, seconds: number | null = null) {
    $effect(() => {
      void this.#again;
      const ending = new AbortController();
      void this.#run(read, seconds, ending.signal);
      return () => ending.abort();
    });
  }

  /** Read it now. */
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

/** Wait until the tab is looked at. */
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
