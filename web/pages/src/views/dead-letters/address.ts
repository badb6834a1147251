// Where one dead letter is looked at.

import { count } from "../../format/numbers";
import { href, part } from "../../app/router.svelte";

/** The address of the letter with this id, `<machine>/<number>` or, if the reading expired, `<machine>/expired-…`. */
export function addressOf(id: string): string {
  const slash = id.lastIndexOf("/");
  return href(`/dead-letters/${part(id.slice(0, slash))}/${part(id.slice(slash + 1))}`);
}

/** What the letter was whose reading was sent again and failed again. */
export function before(name: number | string): string {
  return typeof name === "number" ? count(name) : "an expired reading";
}
