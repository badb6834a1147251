// The meanings of a machine's health, in words.

import type { Schemas } from "../../api/client";

export const MEANINGS: Record<Schemas["Health"], string> = {
  new: "The machine has not sent a reading yet.",
  running: "The machine sends readings, and its last reading was processed.",
  silent: "The machine has not sent a reading for a while.",
  failing: "The last reading failed and became a dead letter.",
  quarantined:
    "The logic had to be stopped repeatedly. Readings become dead letters until a new logic is saved or the " +
    "quarantine is lifted.",
  paused: "Readings become dead letters until the machine is resumed.",
};

/** Shown in place of a meaning that only holds while readings are processed. */
export const UNSURE = "The present health of this machine is not known. The reason is at the top of the page.";
