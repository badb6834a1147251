// What a machine's health means, in words.

import type { Schemas } from "../../api/client";

export const MEANINGS: Record<Schemas["Health"], string> = {
  new: "It has sent nothing yet.",
  running: "It sends, and its last reading was processed.",
  silent: "It has sent nothing for a while.",
  failing: "Its last reading failed, and is among the dead letters.",
  quarantined:
    "Its logic had to be stopped by force again and again. Its readings become dead letters until a new logic is " +
    "uploaded or the quarantine is lifted.",
  paused: "Its readings become dead letters until it is resumed.",
};
