// The words for alarms, and the addresses that belong to them.

import type { Schemas } from "../api/client";
import { href, part } from "../app/router.svelte";

export type Alarm = Schemas["AlarmDetails"];
export type Change = Schemas["JournalEntry"];
export type Severity = Alarm["severity"];
export type State = Alarm["state"];
export type Action = Change["action"];

/** All severities, the highest first. */
export const SEVERITIES: readonly Severity[] = ["critical", "major", "minor", "warning"];

/** The meaning of each state. */
export const STATES: Record<State, string> = {
  unacknowledged: "Active, and nobody has acknowledged it.",
  acknowledged: "Active, and acknowledged.",
  returned: "No longer active, and nobody has acknowledged it.",
  normal: "No longer active and acknowledged. It is in the list until its shelving ends.",
};

/** What happened to an alarm. */
export const ACTIONS: Record<Action, { word: string; meaning: string }> = {
  raised: { word: "raised", meaning: "It became active or more severe." },
  lowered: { word: "lowered", meaning: "It became less severe." },
  cleared: { word: "cleared", meaning: "It is no longer active." },
  acknowledged: { word: "acknowledged", meaning: "Somebody acknowledged it." },
  shelved: { word: "shelved", meaning: "Nobody is told of it for a time." },
  unshelved: { word: "unshelved", meaning: "Its shelving ended." },
  ended: { word: "ended", meaning: "Its machine was deleted, its state was reset, or there were too many alarms." },
};

/** For how long an alarm can be shelved: minutes, and their name. */
export const TIMES = [
  { minutes: 15, name: "15 minutes" },
  { minutes: 60, name: "1 hour" },
  { minutes: 480, name: "8 hours" },
  { minutes: 1440, name: "1 day" },
  { minutes: 10_080, name: "1 week" },
] as const;

/** Return the key of an alarm. */
export function keyOf({ machine, name }: Pick<Alarm, "machine" | "name">): string {
  return `${machine ?? ""}/${name}`;
}

/** Return the name of an alarm with that of its machine. */
export function nameOf({ machine, name }: Pick<Alarm, "machine" | "name">): string {
  return `${name} of ${machine ?? "the plant"}`;
}

/** Return the address of the version of the logic that raised an alarm, or null if no logic did. */
export function versionOf({ machine, logicversion, logicprofile }: Pick<Alarm, "machine" | "logicversion" | "logicprofile">): string | null {
  if (logicversion === null) return null;
  const query = { tab: "versions", version: logicversion };
  if (logicprofile !== null) return href(`/profiles/${part(logicprofile)}`, query);
  return machine === null ? null : href(`/machines/${part(machine)}`, query);
}
