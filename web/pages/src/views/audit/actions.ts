// The texts of the audit page.

import type { Schemas } from "../../api/client";
import { href, part } from "../../app/router.svelte";
import { count } from "../../format/numbers";

const WORDS: Record<string, string> = {
  "logic.upload": "Saved a version of the logic",
  "logic.activate": "Deployed a version",
  "logic.remove": "Undeployed the logic",
  "profile.logic.upload": "Saved a version of the profile's logic",
  "profile.logic.activate": "Deployed a version of the profile's logic",
  "profile.logic.remove": "Undeployed the profile's logic",
  "profile.make": "Created a profile",
  "profile.delete": "Deleted a profile",
  "machine.profile": "Changed the machine's profile",
  "machine.config": "Changed the config",
  "profile.config": "Changed the config of the profile",
  "machine.about": "Changed the card of the machine",
  "machine.settings": "Changed the settings",
  "profile.settings": "Changed the settings of the profile",
  "machine.pause": "Paused the machine",
  "machine.resume": "Resumed the machine",
  "machine.delete": "Deleted the machine",
  "quarantine.lift": "Lifted the quarantine",
  "state.replace": "Changed the state",
  "state.reset": "Reset the state",
  "dead-letter.redrive": "Sent a dead letter again",
  "dead-letter.discard": "Discarded a dead letter",
  "dead-letters.redrive": "Sent dead letters again",
  "dead-letters.discard": "Discarded dead letters",
  "source.put": "Saved a source",
  "source.delete": "Deleted a source",
  "notification-route.put": "Saved a notification route",
  "notification-route.delete": "Deleted a notification route",
  "notification.send-again": "Sent a notification again",
  "notification.discard": "Discarded a notification",
  "alarm.acknowledge": "Acknowledged an alarm",
  "alarm.shelve": "Shelved an alarm",
  "alarm.unshelve": "Unshelved an alarm",
  "token.create": "Created a token",
  "token.revoke": "Revoked a token",
};

const TAGGED = new Set([
  "machine.about", "machine.config", "profile.config", "machine.settings", "profile.settings", "state.replace", "state.reset",
]);

/** Return the text of an action, or the API's name for an unknown one. */
export function wordsOf(action: string): string {
  return Object.hasOwn(WORDS, action) ? (WORDS[action] ?? action) : action;
}

/** Return the address of the page about the target, or null. */
export function addressOf({ action, target, machine }: Schemas["AuditEntry"]): string | null {
  if (action === "profile.delete" || action === "machine.delete") return null;
  if (action === "source.put") return href("/sources");
  if (action === "notification-route.put") return href("/notifications");
  if (action.startsWith("alarm.") && machine === null) return href("/alarms");
  if (action.startsWith("profile.")) return href(`/profiles/${part(target)}`);
  return machine === null ? null : href(`/machines/${part(machine)}`);
}

/** Return the value before or after a change as text, or null if there is none. */
export function sideOf(action: string, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number") {
    if (action.includes("logic.") || action === "machine.delete") return `version ${count(value)}`;
    if (action === "dead-letters.discard") return `${count(value)} discarded`;
    return action === "dead-letters.redrive" || action === "machine.resume" ? `${count(value)} sent again` : count(value);
  }
  // Of a state or settings, the audit trail stores only the entity tag; of a config, earlier releases did too.
  if (action === "alarm.shelve") return `until ${String(value)}`;
  if (typeof value === "string") return TAGGED.has(action) ? `tag ${value}` : value;
  if (action.endsWith(".config")) return configOf(value as ConfigSide);
  if (action.startsWith("dead-letters.") && typeof value === "object") {
    return Object.entries(value).map(([name, each]) => `${name} ${chosen(name, each)}`).join(", ");
  }
  return JSON.stringify(value) ?? null;
}

interface ConfigSide {
  version?: number;
  values?: Record<string, unknown>;
}

/** Return the version of a config, and those of its values that the change concerns. */
function configOf({ version = 0, values = {} }: ConfigSide): string {
  const listed = Object.entries(values).map(([name, each]) => name === "…" ? `and ${count(Number(each))} more` : `${name}: ${JSON.stringify(each)}`);
  return [`version ${count(version)}`, ...listed].join(", ");
}

/** Return a filter of dead letters as text. Its times are in milliseconds. */
function chosen(name: string, value: unknown): string {
  const isTime = (name === "since" || name === "until") && typeof value === "number";
  return isTime ? new Date(value).toISOString() : String(value);
}
