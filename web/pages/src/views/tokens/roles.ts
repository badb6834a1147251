// What each role may do, in words. Each may do what those before it may.

import type { Role } from "../../app/session.svelte";

export const ROLES: readonly { role: Role; may: string }[] = [
  { role: "viewer", may: "Look at everything but tokens and the audit." },
  { role: "operator", may: "Also send and discard dead letters, edit states, pause and resume machines, lift quarantines, post readings." },
  { role: "author", may: "Also write logic, and change profiles and settings of machines." },
  { role: "admin", may: "Also make and revoke tokens, and read the audit." },
];
