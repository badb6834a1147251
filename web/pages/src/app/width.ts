// Whether the window is wide, as base.css has it too: narrower ones show fewer columns.

import { MediaQuery } from "svelte/reactivity";

export const isWide = new MediaQuery("min-width: 64rem");
