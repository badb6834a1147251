// All views: one line each. A view is loaded when it is first shown.

import type { Component } from "svelte";

import type { Role } from "./app/session.svelte";

export interface Route {
  /** The path, with parameters such as `:id`, which the view gets as properties of these names. */
  path: string;
  /** What it is called in the navigation; without one it is not there. */
  nav?: string;
  /** Who may see it; everybody who is signed in, where it does not say. */
  role?: Role;
  load: () => Promise<{ default: Component<never> }>;
}

export const ROUTES: readonly Route[] = [
  { path: "/machines", nav: "Machines", load: () => import("./views/Machines.svelte") },
  { path: "/machines/:id", load: () => import("./views/Machine.svelte") },
  { path: "/profiles", nav: "Profiles", load: () => import("./views/Profiles.svelte") },
  { path: "/profiles/:name", load: () => import("./views/Profile.svelte") },
  { path: "/dead-letters", nav: "Dead letters", load: () => import("./views/DeadLetters.svelte") },
  { path: "/dead-letters/:machine/:number", load: () => import("./views/DeadLetter.svelte") },
  { path: "/system", nav: "System", load: () => import("./views/System.svelte") },
  { path: "/audit", nav: "Audit", role: "admin", load: () => import("./views/Audit.svelte") },
  { path: "/tokens", nav: "Tokens", role: "admin", load: () => import("./views/Tokens.svelte") },
];

/** Where one begins. */
export const HOME = "/machines";
