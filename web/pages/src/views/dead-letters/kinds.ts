// What each kind of dead letter means, in words, and what to do about it.

import type { Schemas } from "../../api/client";

export type Kind = NonNullable<Schemas["Selection"]["kind"]>;

interface Words {
  title: string;
  meaning: string;
  remedy: string;
}

export const KINDS: Record<Kind, Words> = {
  "not-json": {
    title: "Not JSON",
    meaning: "The reading is no JSON, so no logic could be run on it.",
    remedy: "Mend what sends it. Sent again it fails again: discard it.",
  },
  error: {
    title: "Error in the logic",
    meaning: "The logic raised an error at the line that is named, or returned what it may not.",
    remedy: "Try the reading in the editor, mend the logic, save it, and send the reading again.",
  },
  limit: {
    title: "Limit exceeded",
    meaning: "The logic took more time, memory or space than it may have.",
    remedy: "Have the logic do less, or have the limit raised, and send the reading again.",
  },
  refused: {
    title: "Logic refused",
    meaning: "The logic in force uses what this version of the program no longer allows.",
    remedy: "Open it in the editor, which marks what is refused, mend it, and send the reading again.",
  },
  quarantined: {
    title: "In quarantine",
    meaning: "The logic had to be stopped so often that it is not run on this machine any more.",
    remedy: "Save a mended logic, or lift the quarantine on the machine's page, and send the reading again.",
  },
  "no-logic": {
    title: "No logic",
    meaning: "The machine had no logic when the reading came.",
    remedy: "Write one, or have the machine follow a profile, and send the reading again.",
  },
  paused: {
    title: "Paused",
    meaning: "The machine was paused when the reading came.",
    remedy: "Resume it on its page; there you can have all of them sent again at once.",
  },
  "machine-id": {
    title: "No machine named",
    meaning: "The topic that the reading came with names no machine.",
    remedy: "Mend the topic on the device. It belongs to no machine, so it can only be discarded.",
  },
  expired: {
    title: "Expired",
    meaning: "The reading expired in RabbitMQ before a worker took it, so no logic was run on it.",
    remedy: "Send it again if it still matters. If this happens often, set a longer expiry on the device, or start more workers.",
  },
  unknown: {
    title: "Unknown",
    meaning: "It was put among the dead letters by something else than a worker of this version.",
    remedy: "Look at its message, and find out what sent it.",
  },
};

/** The kind of a letter, in words. */
export function wordsOf(kind: string): Words {
  return isKind(kind) ? KINDS[kind] : KINDS.unknown;
}

export function isKind(text: string): text is Kind {
  return Object.hasOwn(KINDS, text);
}
