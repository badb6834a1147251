// Whether the plant works: which of its parts are down, and since when. The whole app asks once every few seconds, and
// every view uses the answer, so that no view calls a machine running or a value live while nothing is processed.

import { api, body, type Schemas } from "../api/client";
import { ProblemError } from "../api/problem";
import { since } from "../format/numbers";
import { now } from "./now.svelte";
import { Poll } from "./poll.svelte";
import { session } from "./session.svelte";

type List = Schemas["OutageList"];

/** Seconds between two requests, seconds to wait for an answer, and seconds after which the API should have looked again. */
const SECONDS = 3;
const PATIENCE = 10;
const LOOKED = 15;

const NAMES = {
  redis: ["Redis has been unavailable", "no readings are processed. They wait in RabbitMQ, and none is lost."],
  rabbitmq: ["RabbitMQ has been unavailable", "no readings are accepted or processed."],
  workers: ["No worker has been available", "no readings are processed. They wait in RabbitMQ, and none is lost."],
} as const;

class Plant {
  #poll = $state.raw<Poll<List | null> | null>(null);
  readonly #opened = new Date();

  /** Ask from now on, while somebody is signed in. Call it while the app is initialised. */
  start(): void {
    this.#poll = new Poll(ask, SECONDS);
  }

  /** The parts that are down, as the API said last. */
  readonly outages = $derived(this.#poll?.problem ? [] : (this.#poll?.value?.outages ?? []));

  /** Since when the API does not answer, so that all values are old; null if it answers. */
  readonly unansweredSince = $derived(
    session.who !== null && this.#poll?.problem ? (this.#poll.time ?? this.#opened) : null,
  );

  /** Since when the state of the plant is unknown: the API does not answer, or has not looked; null if it is known. */
  readonly unknownSince = $derived.by(() => {
    if (session.who === null || this.unansweredSince) return this.unansweredSince;
    const value = this.#poll?.value;
    if (value && Date.parse(value.time) - Date.parse(value.checked) > LOOKED * 1000) return new Date(value.checked);
    return null;
  });

  /** Since when no readings are processed, or it is unknown whether they are; null if the plant works. */
  readonly stoppedSince = $derived.by(() => {
    const times = [...this.outages.map((each) => new Date(each.since)), ...(this.unknownSince ? [this.unknownSince] : [])];
    return times.toSorted((one, other) => one.getTime() - other.getTime())[0] ?? null;
  });

  /** Since when no view can read new values: the API or Redis does not answer; null if they can. */
  readonly unreadSince = $derived.by(() => {
    const redis = this.outages.find((each) => each.part === "redis");
    return redis ? new Date(redis.since) : this.unansweredSince;
  });

  /** What is wrong, in sentences. They change only with the state, because screen readers read them out. */
  readonly sentences = $derived.by(() => {
    const said = this.outages.map(({ part, since: time }) => {
      const [what, effect] = NAMES[part];
      return `${what} since ${since(new Date(time), now.time)}, so ${effect}`;
    });
    if (this.unknownSince) {
      const from = since(this.unknownSince, now.time);
      const why = this.#poll?.problem?.message;
      said.push(why ? `The API has not answered since ${from}. ${why}` : `The API has not checked the plant since ${from}, so nobody knows whether it works.`);
    }
    return said;
  });

  /** A word for a machine of which nobody knows whether it runs; null while the plant works. */
  readonly word = $derived(this.unknownSince ? "not known" : this.outages.length > 0 ? "not processed" : null);

  /** Why something is not known, for a title. */
  readonly reason = $derived(this.sentences[0] ?? "");
}

export const plant = new Plant();

async function ask(signal: AbortSignal): Promise<List | null> {
  if (session.who === null) return null;
  const late = AbortSignal.timeout(PATIENCE * 1000);
  try {
    return await body(api.GET("/outages", { signal: AbortSignal.any([signal, late]) }));
  } catch (error) {
    if (!late.aborted) throw error;
    throw new ProblemError({ title: "No answer", status: 0, detail: `It did not answer a request within ${PATIENCE} seconds.` });
  }
}

/** Return since when a value that workers change is old: no reading is processed, or it could not be read; null if it is current. */
export function oldSince(poll: { problem: unknown; time: Date | null }): Date | null {
  const times = [poll.problem ? poll.time : null, plant.stoppedSince].filter((each) => each !== null);
  return times.toSorted((one, other) => one.getTime() - other.getTime())[0] ?? null;
}
