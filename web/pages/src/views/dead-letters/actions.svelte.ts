// Sends dead letters again, or discards them, after a confirmation that says how many.

import { api, body } from "../../api/client";
import { asProblem, type ProblemError } from "../../api/problem";
import { say, sayProblem } from "../../app/toasts.svelte";
import { count, counted } from "../../format/numbers";
import { causes, lettersIn } from "./causes";
import { inWords, STRAY, type Filter } from "./filter";

export interface Question {
  title: string;
  detail: string;
  action: string;
  danger?: boolean;
}

/** Dead letters that were sent again: their filter, their number, and when. */
export interface Sending {
  filter: Filter;
  sent: number;
  time: string;
}

/** What happens to dead letters that are sent again. */
const WHAT_HAPPENS =
  "Each reading goes to the end of its machine's queue and is processed once, by the logic deployed then. It stays a dead letter until then.";
export const WHAT_HAPPENS_TO_ONE = WHAT_HAPPENS.replace("Each reading", "The reading");

export class Actions {
  busy = $state(false);
  sending = $state.raw<Sending | null>(null);
  problem = $state.raw<ProblemError | null>(null);

  readonly #ask: (question: Question) => Promise<boolean>;
  readonly #changed: () => void;

  /** `ask` asks for confirmation. `changed` is called after dead letters were sent or discarded. */
  constructor(ask: (question: Question) => Promise<boolean>, changed: () => void) {
    this.#ask = ask;
    this.#changed = changed;
  }

  /** Send all matching dead letters again. */
  async sendAgain(filter: Filter): Promise<void> {
    await this.#run(async () => {
      const found = await causes(filter);
      const strays = found.causes.flatMap((each) => each.on).filter((each) => each.machine === null);
      const stray = strays.reduce((sum, each) => sum + each.letters, 0);
      const number = found.counted - stray;
      if (number === 0) return void say(nothing(found.counted));
      const waiting = found.causes.reduce((sum, each) => sum + each.sent_again, 0);
      const sentBefore = waiting > 0 ? ` ${count(waiting)} of them ${waiting === 1 ? "was" : "were"} already sent again and ${waiting === 1 ? "is" : "are"} still waiting; each is processed only once.` : "";
      const left = stray > 0 ? ` ${counted(stray, "dead letter")} without a machine cannot be sent again.` : "";
      const yes = await this.#ask({
        title: "Send again?",
        detail: `This sends ${lettersIn({ ...found, counted: number })} ${inWords(filter)}. ${WHAT_HAPPENS}${sentBefore}${left}`,
        action: found.complete ? `Send ${count(number)} again` : "Send all again",
      });
      if (!yes) return;
      const { sent, time } = await body(api.POST("/dead-letters/redrive", { body: filter }));
      this.sending = { filter, sent, time };
      this.#changed();
    });
  }

  /** Discard all matching dead letters. */
  async discard(filter: Filter): Promise<void> {
    await this.#run(async () => {
      const found = await causes(filter);
      if (found.counted === 0) return void say(nothing(0));
      const yes = await this.#ask({
        title: "Discard permanently?",
        detail: `This deletes ${lettersIn(found)} ${inWords(filter)} and their readings. It cannot be undone.`,
        action: found.complete ? `Discard ${count(found.counted)}` : "Discard all",
        danger: true,
      });
      if (!yes) return;
      const { discarded } = await body(api.DELETE("/dead-letters", { params: { query: filter } }));
      say(`${counted(discarded, "dead letter")} discarded.`);
      this.#changed();
    });
  }

  async #run(what: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.problem = null;
    try {
      await what();
    } catch (error) {
      this.problem = asProblem(error);
      sayProblem(error);
      this.#changed();
    } finally {
      this.busy = false;
    }
  }
}

/** Return the value of the filter `machine` for a machine, or for none. */
export function machineOf(machine: string | null): string {
  return machine ?? STRAY;
}

function nothing(strays: number): string {
  return strays > 0
    ? "Nothing was sent: these readings name no machine, so they can only be discarded."
    : "No dead letter matches any more.";
}
