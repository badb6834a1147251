// The filter and the order of the list of machines, as the address has them.

import type { Schemas } from "../../api/client";
import { router } from "../../app/router.svelte";

export const HEALTHS: readonly Schemas["Health"][] = ["failing", "quarantined", "silent", "paused", "new", "running"];

export interface MachineFilter {
  /** A part of the id, the plain name, the line or a tag. */
  text: string;
  health: Schemas["Health"] | null;
  profile: string | null;
  tag: string | null;
  line: string | null;
  sort: "id" | "last_seen";
}

/** Return the filter in the address, without invalid values. */
export function machineFilter(): MachineFilter {
  const profile = router.get("profile");
  return {
    text: router.get("q").trim().slice(0, 128),
    health: HEALTHS.find((each) => each === router.get("health")) ?? null,
    profile: isId(profile) ? profile : null,
    tag: router.get("tag").slice(0, 40) || null,
    line: router.get("line").slice(0, 60) || null,
    sort: router.get("sort") === "last_seen" ? "last_seen" : "id",
  };
}

/** Return whether an id can start with this text. */
export function canStartId(text: string): boolean {
  return /^[A-Za-z0-9_-]{0,128}$/.test(text);
}

/** Return whether this text is a valid id of a machine or name of a profile. */
export function isId(text: string): boolean {
  return text !== "" && canStartId(text);
}

export const GROUPINGS = ["profile", "tag", "line"] as const;
export const GROUP_TITLES = { profile: "Profile", tag: "Tag", line: "Line" } as const;

/** Return by what the machines are grouped, as the address has it; null if they are not. */
export function grouping(): (typeof GROUPINGS)[number] | null {
  return GROUPINGS.find((each) => each === router.get("group")) ?? null;
}
