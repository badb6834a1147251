// A snapshot of the system, read from the API, and sums over it.

import { api, body, type Schemas } from "../../api/client";
import { nullOn, ProblemError } from "../../api/problem";

export interface Snapshot {
  /** Seconds since 1970. */
  time: number;
  workers: Schemas["WorkerStatus"][];
  vanished: Schemas["WorkerStatus"][];
  /** Null if RabbitMQ or Redis does not answer. */
  partitions: Schemas["PartitionState"][] | null;
  deadLetters: Omit<Schemas["DeadLetterPage"], "dead_letters" | "next"> | null;
  /** Error messages of the services that do not answer: `redis` and `rabbitmq`. */
  missing: ReadonlyMap<string, string>;
}

/** Read a snapshot. If RabbitMQ or Redis does not answer, the snapshot says so; other errors are thrown. */
export async function readSnapshot(signal: AbortSignal): Promise<Snapshot> {
  const [missing, roll, partitions, deadLetters] = await Promise.all([
    readiness(signal),
    nullOn(503, body(api.GET("/workers", { params: { query: { limit: 1000 } }, signal }))),
    nullOn(503, body(api.GET("/partitions", { params: { query: { limit: 1000 } }, signal }))),
    nullOn(503, body(api.GET("/dead-letters", { params: { query: { limit: 1 } }, signal }))),
  ]);
  return {
    time: Date.now() / 1000,
    workers: roll?.workers ?? [],
    vanished: roll?.vanished ?? [],
    partitions: partitions?.partitions ?? null,
    deadLetters,
    missing,
  };
}

async function readiness(signal: AbortSignal): Promise<Map<string, string>> {
  try {
    await body(api.GET("/health/ready", { signal }));
    return new Map();
  } catch (error) {
    if (!(error instanceof ProblemError) || error.status !== 503) throw error;
    return new Map(error.errors.map((each) => [String(each["service"]), String(each["message"])]));
  }
}

/** Return the name of a worker. */
export function nameOf({ host, pid }: Schemas["WorkerStatus"]): string {
  return `${host}, process ${pid}`;
}

/** Return the number of readings in a partition that are not processed yet. */
export function waitingIn(partition: Schemas["PartitionState"]): number {
  return partition.ready + partition.overflow + partition.held;
}

/** Return the number of all readings that are not processed yet; null if it is unknown. */
export function waiting(snapshot: Snapshot): number | null {
  return snapshot.partitions?.reduce((sum, each) => sum + waitingIn(each), 0) ?? null;
}

/** Return the readings per second of all workers; null if unknown, because workers report through Redis. */
export function rate(snapshot: Snapshot): number | null {
  if (snapshot.missing.has("redis")) return null;
  return snapshot.workers.reduce((sum, each) => sum + each.rate, 0);
}

/** Return the age of the oldest reading in a partition's queues, in seconds; null if unknown: its worker measures it. */
export function oldestIn(partition: Schemas["PartitionState"], workers: readonly Schemas["WorkerStatus"][]): number | null {
  if (partition.ready + partition.overflow === 0) return 0;
  const holding = workers.filter((each) => each.connected !== false).flatMap((each) => each.holding).find((each) => each.partition === partition.partition);
  return holding ? Math.max(holding.oldest_seconds ?? 0, holding.overflow_oldest_seconds ?? 0) : null;
}

/** Return the age of the oldest reading in all queues, in seconds; null if it is unknown for any of them. */
export function oldest(snapshot: Snapshot): number | null {
  const ages = snapshot.partitions?.map((each) => oldestIn(each, snapshot.workers)) ?? [null];
  return ages.some((each) => each === null) ? null : Math.max(0, ...ages.map((each) => each ?? 0));
}

/** Return the longest waiting time of readings that workers received since `time`, in seconds; null if unknown. */
export function waited(snapshot: Snapshot, time: number): number | null {
  const taken = holdings(snapshot)
    .flatMap((each) => [[each.taken, each.waited], [each.overflow_taken, each.overflow_waited]] as const)
    .filter(([when, seconds]) => when && typeof seconds === "number" && Date.parse(when) / 1000 >= time)
    .map(([, seconds]) => seconds ?? 0);
  return taken.length > 0 ? Math.max(...taken) : null;
}

function holdings(snapshot: Snapshot): Schemas["Holding"][] {
  return snapshot.workers.flatMap((each) => each.holding);
}
