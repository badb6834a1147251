// Where one dead letter is looked at.

import { href, part } from "../../router.svelte";

/** The address of the letter with this id, `<machine>/<number>`. */
export function addressOf(id: string): string {
  const slash = id.lastIndexOf("/");
  return href(`/dead-letters/${part(id.slice(0, slash))}/${part(id.slice(slash + 1))}`);
}
