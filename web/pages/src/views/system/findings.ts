// Whether the pipeline keeps up, in sentences: the worst first. What is wrong leads to the page of its alert.

import { count, counted, measure } from "../../format/numbers";
import { oldest, waiting, waitingIn, type Plant } from "./snapshot";

export interface Finding {
  tone: "good" | "warn" | "bad";
  text: string;
  /** What to do. */
  advice?: string;
  /** A command that does it. */
  command?: string;
  /** The page of the alert, in the docs. */
  page?: string;
}

/** From how many readings, and from how many seconds behind, it is said that they wait. */
const MANY = 10_000;
const BEHIND = 60;
/** Seconds that a worker may have a reading. */
const HELD = 60;

/** What is to be said of the plant; `before` is how it was seen earlier, for what may be over in a moment. */
export function findings(plant: Plant, before: Plant | null): Finding[] {
  const wrong = [
    ...servers(plant), ...workers(plant), ...partitions(plant, before), ...lag(plant), ...vanished(plant), ...letters(plant),
  ];
  if (wrong.length === 0) return [well(plant)];
  return [...wrong.filter((each) => each.tone === "bad"), ...wrong.filter((each) => each.tone === "warn")];
}

function well(plant: Plant): Finding {
  const all = plant.partitions?.length ?? 0;
  const served = all === 1 ? "The partition is served" : `All ${count(all)} partitions are served`;
  const number = waiting(plant) ?? 0;
  if (number === 0) return { tone: "good", text: `${served}, nothing waits.` };
  return { tone: "good", text: `${served}; ${counted(number, "reading")} ${number === 1 ? "is" : "are"} on the way.` };
}

function* servers(plant: Plant): Generator<Finding> {
  const redis = plant.missing.get("redis");
  const rabbitmq = plant.missing.get("rabbitmq");
  if (redis !== undefined) {
    yield {
      tone: "bad", text: redis, page: "redis-faults",
      advice: "Readings wait in RabbitMQ, and none is lost. Start Redis again; all goes on by itself.",
    };
  }
  if (rabbitmq !== undefined) {
    yield {
      tone: "bad", text: rabbitmq, page: "broker-down",
      advice: "No reading is taken, and none is processed. Start RabbitMQ again; all goes on by itself.",
    };
  } else if (plant.partitions === null && redis === undefined) {
    yield { tone: "bad", text: "RabbitMQ does not say what waits.", advice: "See whether it runs.", page: "broker-down" };
  }
}

function* workers(plant: Plant): Generator<Finding> {
  // They report through Redis, and work with both.
  if (plant.workers.length > 0 || plant.missing.size > 0) return;
  const number = waiting(plant);
  const wait = number ? `${counted(number, "reading")} ${number === 1 ? "waits" : "wait"}` : "readings will wait";
  yield {
    tone: "bad", text: `No worker is there: nothing is processed, and ${wait}.`,
    advice: "Start one:", command: "dramatiq pipeline.actors", page: "no-worker",
  };
}

function* partitions(plant: Plant, before: Plant | null): Generator<Finding> {
  if (plant.workers.length === 0 || plant.partitions === null) return;
  const earlier = new Map(before?.partitions?.map((each) => [each.partition, each]));
  const lasting = plant.partitions.flatMap((now) => {
    const then = earlier.get(now.partition);
    return then ? [{ now, then }] : [];
  });
  const unserved = lasting.filter(({ now, then }) => now.held_by.length === 0 && then.held_by.length === 0);
  if (unserved.length > 0) {
    yield {
      tone: "bad", text: `Nobody serves ${named(unserved.map(({ now }) => now.partition))}: readings wait there.`,
      advice: "Workers take it over within seconds. If none does, look at their logs.", page: "partition-unserved",
    };
  }
  const stuck = lasting.filter(({ now, then }) =>
    [now, then].every((each) => each.held_by.length > 0 && waitingIn(each) > 0 && each.seconds_behind === null),
  );
  const long = plant.workers.flatMap((each) => each.holding).filter((each) => (each.held_seconds ?? 0) > HELD);
  const still = new Set([...stuck.map(({ now }) => now.partition), ...long.map((each) => each.partition)]);
  if (still.size > 0) {
    const which = named([...still]);
    yield {
      tone: "bad", text: `${which.charAt(0).toUpperCase()}${which.slice(1)} stand${still.size === 1 ? "s" : ""} still: readings wait, and none is done.`,
      advice: "Look at the log of the worker that serves it; it may wait for Redis or RabbitMQ.", page: "stuck",
    };
  }
}

function named(numbers: number[]): string {
  const sorted = numbers.sort((one, other) => one - other).join(", ");
  return numbers.length === 1 ? `partition ${sorted}` : `partitions ${sorted}`;
}

function* lag(plant: Plant): Generator<Finding> {
  const number = waiting(plant);
  const behind = Math.max(0, ...(plant.partitions ?? []).map((each) => each.seconds_behind ?? 0));
  if (number === null || plant.workers.length === 0 || (number <= MANY && behind <= BEHIND)) return;
  const since = Math.round(oldest(plant));
  const age = since >= 1 ? `, the oldest since ${count(since)} s` : "";
  const rest = behind > 0 ? ` At the present rate they are done in ${count(Math.ceil(behind))} s.` : "";
  const overflow = (plant.partitions ?? []).reduce((sum, each) => sum + each.overflow, 0);
  yield {
    tone: "warn",
    text: `Readings wait: ${count(number)}${age}.${rest}`,
    advice: overflow > number / 2
      ? "Most are of machines that send more than can be worked off. Slow these down, or make their logic cheaper."
      : "More come than are worked off. Start more workers, as long as there are partitions and processors for them.",
    page: "lag",
  };
}

function* vanished(plant: Plant): Generator<Finding> {
  const [last] = plant.vanished;
  if (last === undefined) return;
  const which = plant.vanished.length === 1 ? "A worker has" : `${count(plant.vanished.length)} workers have`;
  yield {
    tone: "warn",
    text: `${which} vanished without saying why, the last one ${measure(last.heard ?? 0)} s ago.`,
    advice: "It was killed or cut off. No reading is lost: others take over its partitions within seconds.",
    page: "worker-vanished",
  };
}

function* letters(plant: Plant): Generator<Finding> {
  if (!plant.letters?.warning) return;
  yield {
    tone: "warn", text: plant.letters.warning, page: plant.letters.waiting ? "dead-letters-waiting" : "dead-letters-many",
  };
}
