// The meaning of each kind of dead letter, and what to do.

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
    meaning: "The reading is not JSON, so no logic could run on it.",
    remedy: "Fix the device that sends it, and discard the reading: it would fail again.",
  },
  "invalid-payload": {
    title: "Wrong format",
    meaning: "The reading is not valid in the format that the settings of its machine name, such as CBOR or gzip.",
    remedy: "Fix the device, or set the format that it sends on the machine's page. Then send the reading again.",
  },
  error: {
    title: "Error in the logic",
    meaning: "The logic raised an error, or returned a result that is not allowed.",
    remedy: "Try the reading in the editor, fix the logic and save it. Then send the reading again.",
  },
  "other-source": {
    title: "Another source",
    meaning: "The reading came in another way than the machine's other readings: by another source, or without one.",
    remedy: "Let the device send in one way only. Then send the reading again.",
  },
  late: {
    title: "Late",
    meaning: "The reading is older than the machine's newest one by more than the settings allow.",
    remedy: "Send it again if it must be run, or change the rule on the machine's page.",
  },
  limit: {
    title: "Limit exceeded",
    meaning: "The logic exceeded a limit of time, memory or size.",
    remedy: "Make the logic cheaper, or raise the limit. Then send the reading again.",
  },
  refused: {
    title: "Logic rejected",
    meaning: "The deployed logic uses something that this version of the program no longer allows.",
    remedy: "Open the logic in the editor, which marks the errors. Fix and save it, then send the reading again.",
  },
  quarantined: {
    title: "In quarantine",
    meaning: "The logic had to be stopped so often that it no longer runs on this machine.",
    remedy: "Fix and save the logic, or lift the quarantine on the machine's page. Then send the reading again.",
  },
  "no-logic": {
    title: "No logic",
    meaning: "The machine had no logic when the reading was received.",
    remedy: "Write a logic, or choose a profile for the machine. Then send the reading again.",
  },
  paused: {
    title: "Paused",
    meaning: "The machine was paused when the reading was received.",
    remedy: "Resume the machine on its page, where you can also send all these readings again.",
  },
  "machine-id": {
    title: "No machine in the topic",
    meaning: "The topic of the reading names no machine.",
    remedy: "Fix the topic on the device, and discard the reading: it cannot be sent again.",
  },
  "unknown-topic": {
    title: "Unknown topic",
    meaning: "The message was published below machines/, but its topic is not that of a machine's readings.",
    remedy: "Change the topic on the device as the message says. It belongs to no machine, so you can only discard it.",
  },
  expired: {
    title: "Expired",
    meaning: "The reading expired in RabbitMQ before a worker received it, so no logic ran on it.",
    remedy: "Send it again if it still matters. If this happens often, set a longer expiry on the device, or start more workers.",
  },
  unknown: {
    title: "Unknown",
    meaning: "This dead letter was not written by a worker of this version.",
    remedy: "Read its message to find out which program sent it.",
  },
};

/** Return the texts for a kind of dead letter. */
export function wordsOf(kind: string): Words {
  return isKind(kind) ? KINDS[kind] : KINDS.unknown;
}

export function isKind(text: string): text is Kind {
  return Object.hasOwn(KINDS, text);
}
