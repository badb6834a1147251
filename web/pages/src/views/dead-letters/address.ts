// The addresses of dead letters.

import { href, part } from "../../app/router.svelte";
import { count } from "../../format/numbers";

/** Return the address of the dead letter with this id: `<machine>/<number>`, or `<machine>/expired-…` if it expired, or `<machine>/timer-…`. */
export function addressOf(id: string): string {
  const slash = id.lastIndexOf("/");
  return href(`/dead-letters/${part(id.slice(0, slash))}/${part(id.slice(slash + 1))}`);
}

/** Return the name of an earlier dead letter of the same reading. */
export function before(name: number | string): string {
  if (typeof name === "number") return `number ${count(name)}`;
  return name.startsWith("timer-") ? name : "an expired reading";
}
