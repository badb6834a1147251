// Dead letters are sent again or discarded: asked first, with how many; done; and followed until it is over.

import { api, body } from "../../api/client";
import { asProblem, type ProblemError } from "../../api/problem";
import { count, counted } from "../../format/numbers";
import { say, sayProblem } from "../../app/toasts.svelte";
import { causes, lettersIn } from "./causes";
import { inWords, STRAY, type Filter } from "./filter";

export interface Question {
  title: string;
  detail: string;
  action: string;
  danger?: boolean;
}

/** What was sent again: how many, since when, and of what. */
export interface Sending {
  filter: Filter;
  sent: number;
  time: string;
}

const WHAT_HAPPENS =
  "Each goes to the end of its machine's line and is processed once, by the logic in force then. It stays here until it is processed.";

export class Work {
  busy = $state(false);
  sending = $state.raw<Sending | null>(null);
  problem = $state.raw<ProblemError | null>(null);

  readonly #ask: (question: Question) => Promise<boolean>;
  readonly #changed: () => void;

  /** `ask` has it confirmed; `changed` is called when letters have gone or were sent. */
  constructor(ask: (question: Question) => Promise<boolean>, changed: () => void) {
    this.#ask = ask;
    this.#changed = changed;
  }

  /** Send again all that fit. */
  async sendAgain(filter: Filter): Promise<void> {
    await this.#run(async () => {
      const found = await causes(filter);
      const strays = found.causes.flatMap((each) => each.on).filter((each) => each.machine === null);
      const stray = strays.reduce((sum, each) => sum + each.letters, 0);
      const number = found.counted - stray;
      if (number === 0) return void say(nothing(found.counted));
      const waiting = found.causes.reduce((sum, each) => sum + each.sent_again, 0);
      const sentBefore = waiting > 0 ? ` ${count(waiting)} of them were sent already and still wait; they count once all the same.` : "";
      const left = stray > 0 ? ` ${counted(stray, "other")} that name no machine stay.` : "";
      const yes = await this.#ask({
        title: "Send again?",
        detail: `${lettersIn({ ...found, counted: number })} ${inWords(filter)}. ${WHAT_HAPPENS}${sentBefore}${left}`,
        action: found.complete ? `Send ${count(number)} again` : "Send all of them again",
      });
      if (!yes) return;
      const { sent, time } = await body(api.POST("/dead-letters/redrive", { body: filter }));
      this.sending = { filter, sent, time };
      this.#changed();
    });
  }

  /** Discard all that fit. */
  async discard(filter: Filter): Promise<void> {
    await this.#run(async () => {
      const found = await causes(filter);
      if (found.counted === 0) return void say(nothing(0));
      const yes = await this.#ask({
        title: "Discard for ever?",
        detail: `${lettersIn(found)} ${inWords(filter)}, with their readings. They cannot be brought back.`,
        action: found.complete ? `Discard ${count(found.counted)}` : "Discard all of them",
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

/** What stands for a machine in a filter. */
export function machineOf(machine: string | null): string {
  return machine ?? STRAY;
}

function nothing(strays: number): string {
  return strays > 0
    ? "Nothing to send again: these readings name no machine. They can only be discarded."
    : "There are none any more.";
}
