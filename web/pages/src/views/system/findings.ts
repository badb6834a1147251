// The state of the system in sentences, the worst first. A problem links to the documentation of its alert.

import { count, counted, measure } from "../../format/numbers";
import { oldest, waiting, waitingIn, type Snapshot } from "./snapshot";

export interface Finding {
  tone: "good" | "warn" | "bad";
  text: string;
  /** What to do. */
  advice?: string;
  /** A command that does it. */
  command?: string;
  /** The page of the alert in the documentation. */
  page?: string;
}

/** A warning is shown above this number of waiting readings, or this lag in seconds. */
const MANY = 10_000;
const BEHIND = 60;
/** Seconds after which a worker should have processed a reading. */
const HELD = 60;

/** The only finding if the snapshot is old: it may be wrong by now. */
export const UNKNOWN: Finding = {
  tone: "warn", text: "The state of the system is not known: the values below are old.", page: "api-down",
  advice: "Check that the API is running, and that this computer can reach it.",
};

/** Return the findings for a snapshot. Some are reported only if `before`, the previous snapshot, has them too. */
export function findings(snapshot: Snapshot, before: Snapshot | null): Finding[] {
  const wrong = [
    ...servers(snapshot), ...workers(snapshot), ...disconnected(snapshot), ...partitions(snapshot, before), ...lag(snapshot), ...vanished(snapshot),
    ...deadLetters(snapshot),
  ];
  if (wrong.length === 0) return [well(snapshot)];
  return [...wrong.filter((each) => each.tone === "bad"), ...wrong.filter((each) => each.tone === "warn")];
}

function well(snapshot: Snapshot): Finding {
  const all = snapshot.partitions?.length ?? 0;
  const served = all === 1 ? "The partition has a worker" : `All ${count(all)} partitions have a worker`;
  const number = waiting(snapshot) ?? 0;
  if (number === 0) return { tone: "good", text: `${served}, and no readings are waiting.` };
  return { tone: "good", text: `${served}, and ${counted(number, "reading")} ${number === 1 ? "is" : "are"} being processed.` };
}

function* servers(snapshot: Snapshot): Generator<Finding> {
  const redis = snapshot.missing.get("redis");
  const rabbitmq = snapshot.missing.get("rabbitmq");
  if (redis !== undefined) {
    yield {
      tone: "bad", text: redis, page: "redis-faults",
      advice: "Readings wait in RabbitMQ, and none is lost. Restart Redis; processing then continues automatically.",
    };
  }
  if (rabbitmq !== undefined) {
    yield {
      tone: "bad", text: rabbitmq, page: "broker-down",
      advice: "No readings are accepted or processed. Restart RabbitMQ; processing then continues automatically.",
    };
  } else if (snapshot.partitions === null && redis === undefined) {
    yield { tone: "bad", text: "RabbitMQ does not report how many readings are waiting.", advice: "Check that RabbitMQ is running.", page: "broker-down" };
  }
}

function* workers(snapshot: Snapshot): Generator<Finding> {
  // Workers need both services, and report through Redis.
  if (snapshot.workers.length > 0 || snapshot.missing.size > 0) return;
  const number = waiting(snapshot);
  const wait = number ? `${counted(number, "reading")} ${number === 1 ? "is" : "are"} waiting` : "new readings will wait";
  yield {
    tone: "bad", text: `No worker is running, so no readings are processed. ${wait.charAt(0).toUpperCase()}${wait.slice(1)}.`,
    advice: "Start one:", command: "dramatiq pipeline.actors", page: "no-worker",
  };
}

function* disconnected(snapshot: Snapshot): Generator<Finding> {
  // If RabbitMQ itself is down, that is the finding.
  if (snapshot.missing.has("rabbitmq")) return;
  const number = snapshot.workers.filter((each) => each.connected === false).length;
  if (number === 0) return;
  yield {
    tone: "bad",
    text: number === 1 ? "A worker has no connection to RabbitMQ, so it processes no readings." : `${count(number)} workers have no connection to RabbitMQ, so they process no readings.`,
    advice: "The other workers process the readings of its partitions. Check the network between its host and RabbitMQ.", page: "broker-down",
  };
}

function* partitions(snapshot: Snapshot, before: Snapshot | null): Generator<Finding> {
  if (snapshot.workers.length === 0 || snapshot.partitions === null) return;
  const earlier = new Map(before?.partitions?.map((each) => [each.partition, each]));
  const lasting = snapshot.partitions.flatMap((now) => {
    const then = earlier.get(now.partition);
    return then ? [{ now, then }] : [];
  });
  const unserved = lasting.filter(({ now, then }) => now.held_by.length === 0 && then.held_by.length === 0);
  if (unserved.length > 0) {
    yield {
      tone: "bad", text: `No worker has ${named(unserved.map(({ now }) => now.partition))}, so readings wait there.`,
      advice: "Usually a worker takes over within seconds. If none does, check the logs of the workers.", page: "partition-unserved",
    };
  }
  const stuck = lasting.filter(({ now, then }) =>
    [now, then].every((each) => each.held_by.length > 0 && waitingIn(each) > 0 && each.seconds_behind === null),
  );
  const long = snapshot.workers.flatMap((each) => each.holding).filter((each) => (each.held_seconds ?? 0) > HELD);
  const still = new Set([...stuck.map(({ now }) => now.partition), ...long.map((each) => each.partition)]);
  if (still.size > 0) {
    const which = named([...still]);
    yield {
      tone: "bad", text: `${which.charAt(0).toUpperCase()}${which.slice(1)} ${still.size === 1 ? "is" : "are"} stuck: readings wait, and none is processed.`,
      advice: "Check the log of its worker, which may be waiting for Redis or RabbitMQ.", page: "stuck",
    };
  }
}

function named(numbers: number[]): string {
  const sorted = numbers.sort((one, other) => one - other).join(", ");
  return numbers.length === 1 ? `partition ${sorted}` : `partitions ${sorted}`;
}

function* lag(snapshot: Snapshot): Generator<Finding> {
  const number = waiting(snapshot);
  const behind = Math.max(0, ...(snapshot.partitions ?? []).map((each) => each.seconds_behind ?? 0));
  if (number === null || snapshot.workers.length === 0 || (number <= MANY && behind <= BEHIND)) return;
  const since = Math.round(oldest(snapshot) ?? 0);
  const age = since >= 1 ? `, the oldest for ${count(since)} s` : "";
  const rest = behind > 0 ? ` At the current rate, processing them takes ${count(Math.ceil(behind))} s.` : "";
  const overflow = (snapshot.partitions ?? []).reduce((sum, each) => sum + each.overflow, 0);
  yield {
    tone: "warn",
    text: `${counted(number, "reading")} ${number === 1 ? "is" : "are"} waiting${age}.${rest}`,
    advice: overflow > number / 2
      ? "Most of them are from machines that send too fast. Slow these machines down, or make their logic cheaper."
      : "Readings arrive faster than they are processed. Start more workers, if there are enough partitions and CPUs.",
    page: "lag",
  };
}

function* vanished(snapshot: Snapshot): Generator<Finding> {
  const [last] = snapshot.vanished;
  if (last === undefined) return;
  const which = snapshot.vanished.length === 1 ? "A worker has" : `${count(snapshot.vanished.length)} workers have`;
  yield {
    tone: "warn",
    text: `${which} stopped reporting without a shutdown. The last report was ${measure(last.heard ?? 0)} s ago.`,
    advice: "It was killed, or lost its connection. No reading is lost: other workers take over its partitions within seconds.",
    page: "worker-vanished",
  };
}

function* deadLetters(snapshot: Snapshot): Generator<Finding> {
  if (!snapshot.deadLetters?.warning) return;
  yield {
    tone: "warn", text: snapshot.deadLetters.warning, page: snapshot.deadLetters.waiting ? "dead-letters-waiting" : "dead-letters-many",
  };
}
