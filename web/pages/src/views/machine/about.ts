// The texts of a machine's card.

import type { Schemas } from "../../api/client";

/** Return the name, line, location and tags of a machine in one line; empty if it has none of them. */
export function wordsOf({ name, line, location, tags }: Schemas["About"]): string {
  return [name, line, location, tags?.join(", ")].filter(Boolean).join(" · ");
}

/** Return the line and the tags of a machine in one line. */
export function groupsOf({ line, tags }: Schemas["About"]): string {
  return [line, tags?.join(", ")].filter(Boolean).join(" · ");
}
