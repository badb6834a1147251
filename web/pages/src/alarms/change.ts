// What operators do with alarms: acknowledge, shelve and unshelve them.

import { api, body } from "../api/client";
import { keyOf, type Alarm } from "./words";

/** Acknowledge an alarm as it was seen. Throws a problem with the status 409 if it was raised again or is more severe. */
export function acknowledge({ machine, name, raised, severity }: Alarm, comment: string): Promise<Alarm> {
  const sent = { body: { comment, raised, severity } };
  return body(machine === null
    ? api.POST("/plant-alarms/{name}/acknowledge", { params: { path: { name } }, ...sent })
    : api.POST("/machines/{machine_id}/alarms/{name}/acknowledge", { params: { path: { machine_id: machine, name } }, ...sent }));
}

export function shelve({ machine, name }: Alarm, minutes: number, comment: string): Promise<Alarm> {
  const sent = { body: { comment, minutes } };
  return body(machine === null
    ? api.POST("/plant-alarms/{name}/shelve", { params: { path: { name } }, ...sent })
    : api.POST("/machines/{machine_id}/alarms/{name}/shelve", { params: { path: { machine_id: machine, name } }, ...sent }));
}

export function unshelve({ machine, name }: Alarm): Promise<Alarm> {
  return body(machine === null
    ? api.POST("/plant-alarms/{name}/unshelve", { params: { path: { name } } })
    : api.POST("/machines/{machine_id}/alarms/{name}/unshelve", { params: { path: { machine_id: machine, name } } }));
}

/** Return an alarm as it is now, or null if it is no longer open. */
export async function current(alarm: Alarm): Promise<Alarm | null> {
  const query = { machine: alarm.machine ?? "", name: alarm.name, limit: 1000 };
  const { alarms } = await body(api.GET("/alarms", { params: { query } }));
  return alarms.find((each) => keyOf(each) === keyOf(alarm)) ?? null;
}
