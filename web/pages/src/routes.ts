// All views, one per line. A view is loaded when it is first shown.

import type { Component } from "svelte";

import type { Role } from "./app/session.svelte";

export interface Route {
  /** The path. The view receives parameters such as `:id` as properties. */
  path: string;
  /** Its name in the navigation. A view without one is not in the navigation. */
  nav?: string;
  /** The role that it requires. Without one, every signed-in user may see it. */
  role?: Role;
  load: () => Promise<{ default: Component<never> }>;
}

export const ROUTES: readonly Route[] = [
  { path: "/machines", nav: "Machines", load: () => import("./views/Machines.svelte") },
  { path: "/machines/:id", load: () => import("./views/Machine.svelte") },
  { path: "/alarms", nav: "Alarms", load: () => import("./views/Alarms.svelte") },
  { path: "/notifications", role: "operator", load: () => import("./views/Notifications.svelte") },
  { path: "/profiles", nav: "Profiles", load: () => import("./views/Profiles.svelte") },
  { path: "/profiles/:name", load: () => import("./views/Profile.svelte") },
  { path: "/sources", nav: "Sources", load: () => import("./views/Sources.svelte") },
  { path: "/dead-letters", nav: "Dead letters", load: () => import("./views/DeadLetters.svelte") },
  { path: "/dead-letters/:machine/:number", load: () => import("./views/DeadLetter.svelte") },
  { path: "/system", nav: "System", load: () => import("./views/System.svelte") },
  { path: "/audit", nav: "Audit", role: "admin", load: () => import("./views/Audit.svelte") },
  { path: "/tokens", nav: "Tokens", role: "admin", load: () => import("./views/Tokens.svelte") },
];

/** The first page. */
export const HOME = "/machines";
