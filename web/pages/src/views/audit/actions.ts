// What was changed, in words.

import type { Schemas } from "../../api/client";
import { count } from "../../format/numbers";
import { href, part } from "../../app/router.svelte";

const WORDS: Record<string, string> = {
  "logic.upload": "Saved a version of the logic",
  "logic.activate": "Put a version in force",
  "logic.remove": "Took the logic out of force",
  "profile.logic.upload": "Saved a version of the profile's logic",
  "profile.logic.activate": "Put a version of the profile in force",
  "profile.logic.remove": "Took the profile's logic out of force",
  "profile.make": "Made a profile",
  "profile.delete": "Deleted a profile",
  "machine.profile": "Chose which profile it follows",
  "machine.config": "Changed the settings",
  "machine.pause": "Paused",
  "machine.resume": "Resumed",
  "machine.delete": "Deleted the machine",
  "quarantine.lift": "Lifted the quarantine",
  "state.replace": "Changed the state",
  "state.reset": "Reset the state",
  "dead-letter.redrive": "Sent a dead letter again",
  "dead-letter.discard": "Discarded a dead letter",
  "dead-letters.redrive": "Sent dead letters again",
  "dead-letters.discard": "Discarded dead letters",
  "token.create": "Made a token",
  "token.revoke": "Revoked a token",
};

const TAGGED = new Set(["machine.config", "state.replace", "state.reset"]);

/** An action in words; one that is not known here as the API calls it. */
export function wordsOf(action: string): string {
  return Object.hasOwn(WORDS, action) ? (WORDS[action] ?? action) : action;
}

/** Where one can look at what was changed, or null. */
export function addressOf({ action, target, machine }: Schemas["Change"]): string | null {
  if (action === "profile.delete" || action === "machine.delete") return null;
  if (action.startsWith("profile.")) return href(`/profiles/${part(target)}`);
  return machine === null ? null : href(`/machines/${part(machine)}`);
}

/** What it was before, or is after, as text; null where there is nothing to say. */
export function sideOf(action: string, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number") {
    if (action.includes("logic.") || action === "machine.delete") return `version ${count(value)}`;
    if (action === "dead-letters.discard") return `${count(value)} discarded`;
    return action === "dead-letters.redrive" || action === "machine.resume" ? `${count(value)} sent again` : count(value);
  }
  // A state and a config are told apart by their entity tags: what was in them is not kept.
  if (typeof value === "string") return TAGGED.has(action) ? `tag ${value}` : value;
  if (action.startsWith("dead-letters.") && typeof value === "object") {
    return Object.entries(value).map(([name, each]) => `${name} ${chosen(name, each)}`).join(", ");
  }
  return JSON.stringify(value) ?? null;
}

/** Times of a choice of dead letters are in milliseconds. */
function chosen(name: string, value: unknown): string {
  const isTime = (name === "since" || name === "until") && typeof value === "number";
  return isTime ? new Date(value).toISOString() : String(value);
}
