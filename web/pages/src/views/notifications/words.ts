// The words for notification routes.

import type { Schemas } from "../../api/client";

export type Route = Schemas["RouteDetails"];
export type Scope = Route["scope"];
export type Kind = "webhook" | "email" | "apprise";

export const KINDS: Record<Kind, string> = {
  webhook: "Webhook",
  email: "E-mail",
  apprise: "Service of Apprise",
};

export const SCOPES: Record<Scope, string> = {
  all: "Machines and the plant",
  machines: "Machines only",
  plant: "The plant only",
  escalations: "Only what another route escalates to this one",
};

export function kindOf({ webhook, email }: Route): Kind {
  return webhook ? "webhook" : email ? "email" : "apprise";
}

/** Return where a route sends, without a secret. */
export function targetOf({ webhook, email, apprise }: Route): string {
  if (webhook) return webhook.url;
  return email ? email.to.join(", ") : (apprise?.service ?? "");
}

/** Return which alarms a route tells. */
export function filterOf({ severity, scope, machine, profile, alarm }: Route): string {
  const words = [
    severity === "critical" ? "critical" : severity === "warning" ? "all severities" : `${severity} and higher`,
    scope !== "all" && SCOPES[scope].toLowerCase(),
    machine && `machine ${machine}`,
    profile !== null && `profile ${profile}`,
    alarm && `alarm ${alarm}`,
  ];
  return words.filter(Boolean).join(", ");
}

/** Return when a route tells an alarm again, or does not tell it. */
export function rulesOf({ cleared, remind_minutes, escalate_to, escalate_after_minutes, quiet_hours }: Route): string {
  const words = [
    !cleared && "not when cleared",
    remind_minutes !== null && `again every ${remind_minutes} min`,
    escalate_to !== null && `to ${escalate_to} after ${escalate_after_minutes} min`,
    quiet_hours !== null && `quiet ${quiet_hours.start} to ${quiet_hours.end} (${quiet_hours.time_zone})`,
  ];
  return words.filter(Boolean).join(", ");
}
