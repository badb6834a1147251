// The filter and the order of the list of machines, as the address has them.

import type { Schemas } from "../../api/client";
import { router } from "../../app/router.svelte";

export const HEALTHS: readonly Schemas["Health"][] = ["failing", "quarantined", "silent", "paused", "new", "running"];

export interface MachineFilter {
  prefix: string;
  health: Schemas["Health"] | null;
  profile: string | null;
  sort: "id" | "last_seen";
}

/** Return the filter in the address, without invalid values. */
export function machineFilter(): MachineFilter {
  const prefix = router.get("q");
  const profile = router.get("profile");
  return {
    prefix: canStartId(prefix) ? prefix : "",
    health: HEALTHS.find((each) => each === router.get("health")) ?? null,
    profile: isId(profile) ? profile : null,
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
