// All that is asked of the works at one time, and what follows from it by sums.

import { api, body, type Schemas } from "../../api/client";
import { nullOn, ProblemError } from "../../api/problem";

export interface Plant {
  /** Seconds since 1970. */
  time: number;
  workers: Schemas["Report"][];
  vanished: Schemas["Report"][];
  /** Null where RabbitMQ cannot be asked. */
  partitions: Schemas["PartitionState"][] | null;
  letters: Omit<Schemas["DeadLetters"], "dead_letters" | "next"> | null;
  /** What is missing, by its name: `redis` and `rabbitmq`. */
  missing: ReadonlyMap<string, string>;
}

/** Ask for all of it. Raises what is wrong, but where it is RabbitMQ or Redis: that is part of the answer. */
export async function ask(signal: AbortSignal): Promise<Plant> {
  const [missing, roll, partitions, letters] = await Promise.all([
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
    letters,
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

/** What a worker is called. */
export function nameOf({ host, pid }: Schemas["Report"]): string {
  return `${host}, process ${pid}`;
}

/** Readings of a partition that are not done. */
export function waitingIn(partition: Schemas["PartitionState"]): number {
  return partition.ready + partition.overflow + partition.held;
}

/** Readings that are not done, in all; null where it is not known. */
export function waiting(plant: Plant): number | null {
  return plant.partitions?.reduce((sum, each) => sum + waitingIn(each), 0) ?? null;
}

/** Readings a second, of all workers. */
export function rate(plant: Plant): number {
  return plant.workers.reduce((sum, each) => sum + each.rate, 0);
}

/** For how many seconds the oldest reading has waited in a queue, at least. */
export function oldest(plant: Plant): number {
  return Math.max(0, ...holdings(plant).flatMap((each) => [each.oldest_seconds ?? 0, each.overflow_oldest_seconds ?? 0]));
}

/** How many seconds a reading had waited that was taken since `time`, the longest one; null where none says so. */
export function waited(plant: Plant, time: number): number | null {
  const taken = holdings(plant)
    .flatMap((each) => [[each.taken, each.waited], [each.overflow_taken, each.overflow_waited]] as const)
    .filter(([when, seconds]) => when && typeof seconds === "number" && Date.parse(when) / 1000 >= time)
    .map(([, seconds]) => seconds ?? 0);
  return taken.length > 0 ? Math.max(...taken) : null;
}

function holdings(plant: Plant): Schemas["Holding"][] {
  return plant.workers.flatMap((each) => each.holding);
}
