// The permissions of each role, in words. Each role includes those before it.

import type { Role } from "../../app/session.svelte";

export const ROLES: readonly { role: Role; may: string }[] = [
  { role: "viewer", may: "View everything except tokens and the audit." },
  { role: "operator", may: "Also acknowledge and shelve alarms, send dead letters again and discard them, edit states, pause and resume machines, lift quarantines, send readings." },
  { role: "author", may: "Also write logic, and change profiles and the settings of machines." },
  { role: "admin", may: "Also create and revoke tokens, and view the audit." },
];
