// Which machines are meant, and in which order: what the address says.

import type { Schemas } from "../../api/client";
import { router } from "../../app/router.svelte";

export const HEALTHS: readonly Schemas["Health"][] = ["failing", "quarantined", "silent", "paused", "new", "running"];

export interface Where {
  prefix: string;
  health: Schemas["Health"] | null;
  profile: string | null;
  sort: "id" | "last_seen";
}

/** What is asked for in the address. What no machine can be is left out. */
export function where(): Where {
  const prefix = router.get("q");
  const profile = router.get("profile");
  return {
    prefix: canBegin(prefix) ? prefix : "",
    health: HEALTHS.find((each) => each === router.get("health")) ?? null,
    profile: isId(profile) ? profile : null,
    sort: router.get("sort") === "last_seen" ? "last_seen" : "id",
  };
}

/** Whether an id can begin so. */
export function canBegin(text: string): boolean {
  return /^[A-Za-z0-9_-]{0,128}$/.test(text);
}

/** Whether a machine or a profile can be called so. */
export function isId(text: string): boolean {
  return text !== "" && canBegin(text);
}
