// Whether the window is wide, as base.css has it too: narrower ones show fewer columns. A narrow one, such as a phone's,
// has no room for a table.

import { MediaQuery } from "svelte/reactivity";

export const isWide = new MediaQuery("min-width: 64rem");
export const isNarrow = new MediaQuery("max-width: 40rem");
