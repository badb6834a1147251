// The filters of alarms and of their journal, as the address has them and as the API expects them.

import { ACTIONS, SEVERITIES, STATES, type Action, type Severity, type State } from "../../alarms/words";
import type { operations } from "../../api/schema";

export type OpenFilter = NonNullable<operations["list_alarms"]["parameters"]["query"]>;
export type JournalFilter = NonNullable<operations["list_alarm_changes"]["parameters"]["query"]>;

type Get = (name: string) => string;

/** Return the filter of open alarms in the address, without invalid values. */
export function openFilter(get: Get): OpenFilter {
  const [machine, state] = [get("q").trim(), get("state")];
  const shelved = get("shelved");
  return {
    ...common(get),
    ...(machine && { machine }),
    ...(isState(state) && { state }),
    ...((shelved === "yes" || shelved === "no") && { shelved: shelved === "yes" }),
  };
}

/** Return the filter of the journal in the address, without invalid values. */
export function journalFilter(get: Get): JournalFilter {
  const [machine, action] = [get("machine").trim(), get("action")];
  return { ...common(get), ...(machine && { machine }), ...(isAction(action) && { action }) };
}

function common(get: Get): Pick<OpenFilter, "severity" | "name" | "profile"> {
  const [severity, name, profile] = [get("severity"), get("name").trim(), get("profile").trim()];
  return {
    ...(isSeverity(severity) && { severity }),
    ...(name && { name }),
    ...(profile && { profile }),
  };
}

function isSeverity(text: string): text is Severity {
  return (SEVERITIES as readonly string[]).includes(text);
}

function isState(text: string): text is State {
  return Object.hasOwn(STATES, text);
}

function isAction(text: string): text is Action {
  return Object.hasOwn(ACTIONS, text);
}
