// The versions of a machine's config.

import { api, asText, asWritten, body, matching, withSignal, type Schemas } from "../api/client";
import { members } from "../format/json";

export type ConfigVersion = Schemas["ConfigVersionSummary"];

/** Return a page of versions, newest first, with numbers below `before`. */
export function configVersions(id: string, before?: number, signal?: AbortSignal): Promise<Schemas["ConfigVersionList"]> {
  const query = before === undefined ? {} : { before };
  return body(api.GET("/machines/{machine_id}/config/versions", { params: { path: { machine_id: id }, query }, ...withSignal(signal) }));
}

/** Return the config of a version, as JSON. */
export async function configVersion(id: string, number: number, signal?: AbortSignal): Promise<string> {
  const path = { machine_id: id, number };
  const written: string = await body(api.GET("/machines/{machine_id}/config/versions/{number}", { params: { path }, ...withSignal(signal), ...asText }));
  return members(written)?.get("config") ?? "{}";
}

/** Return the unified diff from one version to another. */
export function configDifference(id: string, from: number, to: number): Promise<string> {
  const path = { machine_id: id, number: from };
  return body(api.GET("/machines/{machine_id}/config/versions/{number}/diff", { params: { path, query: { to } }, ...asText }));
}

/** Return the unified diff from the current config to `json`. */
export function configChanges(id: string, json: string): Promise<string> {
  const path = { machine_id: id };
  return body(api.POST("/machines/{machine_id}/config/diff", { params: { path }, body: json as never, ...asWritten, ...asText }));
}

/** Restore a version, if the config still has this tag; null: in any case. */
export async function restoreConfig(id: string, number: number, tag: string | null): Promise<void> {
  const path = { machine_id: id, number };
  await api.POST("/machines/{machine_id}/config/versions/{number}/restore", { params: { path, header: matching(tag) } });
}
