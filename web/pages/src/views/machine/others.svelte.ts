// The numbers of other machines, to compare them with this one. They are read every few seconds: a browser may have only six
// connections to a server, so a stream of events for each machine would leave none for the rest of the page.

import { api, body } from "../../api/client";
import { asProblem, isAbort } from "../../api/problem";
import { sleep } from "../../app/timing";
import { numbersIn } from "./fields";
import { Windows } from "./window";

const MILLISECONDS = 3000;

/** The number of readings read at first, and then each time. */
const FIRST = 1000;
const NEXT = 100;

export class OtherMachine {
  /** Increases with every new reading. Code that uses `windows` tracks it. */
  revision = $state(0);
  /** Why its readings cannot be read; null if they can. */
  problem = $state<string | null>(null);
  readonly windows = new Windows();
  #sequence = 0;
  #begun = false;

  constructor(readonly id: string) {}

  /** Read its readings until the signal. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#read(signal);
        this.problem = null;
      } catch (error) {
        if (isAbort(error) || signal.aborted) return;
        this.problem = asProblem(error).message;
      }
      await sleep(MILLISECONDS, signal);
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const params = { path: { machine_id: this.id }, query: { limit: this.#begun ? NEXT : FIRST } };
    const { readings } = await body(api.GET("/machines/{machine_id}/readings", { params, signal }));
    this.#begun = true;
    for (const reading of readings.toReversed()) {
      if (reading.sequence <= this.#sequence) continue;
      this.#sequence = reading.sequence;
      for (const [index, numbers] of numbersIn(reading).entries()) {
        this.windows.add(Date.parse(reading.time) / 1000, numbers, index === 0 && reading.timer === null);
      }
      this.revision++;
    }
  }
}
