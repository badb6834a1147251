// The config of a machine or a profile, and its versions.

import { api, asText, asWritten, body, matching, tagged, withSignal, type Schemas } from "../api/client";
import { members } from "../format/json";
import type { Owner } from "./owner";

/** Return the config as JSON, and its entity tag. */
export function config(owner: Owner, signal?: AbortSignal): Promise<[string, string | null]> {
  const options = { ...withSignal(signal), ...asText };
  return owner.kind === "machine"
    ? tagged(api.GET("/machines/{machine_id}/config", { params: ofMachine(owner), ...options }))
    : tagged(api.GET("/profiles/{name}/config", { params: ofProfile(owner), ...options }));
}

/** Replace the config, if it still has this tag; null: in any case. */
export async function saveConfig(owner: Owner, json: string, tag: string | null, comment: string): Promise<void> {
  const given = { query: comment === "" ? {} : { comment }, header: matching(tag) };
  const options = { body: json as never, ...asWritten };
  await (owner.kind === "machine"
    ? api.PUT("/machines/{machine_id}/config", { params: { ...ofMachine(owner), ...given }, ...options })
    : api.PUT("/profiles/{name}/config", { params: { ...ofProfile(owner), ...given }, ...options }));
}

/** Return the unified diff from the current config to `json`. */
export function configChanges(owner: Owner, json: string): Promise<string> {
  const options = { body: json as never, ...asWritten, ...asText };
  return owner.kind === "machine"
    ? body(api.POST("/machines/{machine_id}/config/diff", { params: ofMachine(owner), ...options }))
    : body(api.POST("/profiles/{name}/config/diff", { params: ofProfile(owner), ...options }));
}

/** Return the last versions, newest first. */
export function configVersions(owner: Owner, signal?: AbortSignal): Promise<Schemas["ConfigVersionList"]> {
  return owner.kind === "machine"
    ? body(api.GET("/machines/{machine_id}/config/versions", { params: ofMachine(owner), ...withSignal(signal) }))
    : body(api.GET("/profiles/{name}/config/versions", { params: ofProfile(owner), ...withSignal(signal) }));
}

/** Return the config of a version, as JSON. */
export async function configVersion(owner: Owner, number: number, signal?: AbortSignal): Promise<string> {
  const path = { number };
  const options = { ...withSignal(signal), ...asText };
  const written: string = await (owner.kind === "machine"
    ? body(api.GET("/machines/{machine_id}/config/versions/{number}", { params: { path: { ...path, ...ofMachine(owner).path } }, ...options }))
    : body(api.GET("/profiles/{name}/config/versions/{number}", { params: { path: { ...path, ...ofProfile(owner).path } }, ...options })));
  return members(written)?.get("config") ?? "{}";
}

/** Return the unified diff from one version to another. */
export function configDifference(owner: Owner, from: number, to: number): Promise<string> {
  const path = { number: from };
  const query = { to };
  return owner.kind === "machine"
    ? body(api.GET("/machines/{machine_id}/config/versions/{number}/diff", { params: { path: { ...path, ...ofMachine(owner).path }, query }, ...asText }))
    : body(api.GET("/profiles/{name}/config/versions/{number}/diff", { params: { path: { ...path, ...ofProfile(owner).path }, query }, ...asText }));
}

/** Restore a version, if the config still has this tag; null: in any case. */
export async function restoreConfig(owner: Owner, number: number, tag: string | null): Promise<void> {
  const path = { number };
  const header = matching(tag);
  await (owner.kind === "machine"
    ? api.POST("/machines/{machine_id}/config/versions/{number}/restore", { params: { path: { ...path, ...ofMachine(owner).path }, header } })
    : api.POST("/profiles/{name}/config/versions/{number}/restore", { params: { path: { ...path, ...ofProfile(owner).path }, header } }));
}

/** The config that a machine's logic reads, as JSON, and the keys that come from its profile. */
export interface EffectiveConfig {
  profile: string | null;
  config: string;
  inherited: readonly string[];
  replaced: readonly string[];
}

/** Return the config that a machine's logic reads. */
export async function effectiveConfig(id: string, signal?: AbortSignal): Promise<EffectiveConfig> {
  const params = { path: { machine_id: id } };
  const written: string = await body(api.GET("/machines/{machine_id}/config/effective", { params, ...withSignal(signal), ...asText }));
  const { profile, inherited, replaced } = JSON.parse(written) as Schemas["EffectiveConfig"];
  return { profile, inherited, replaced, config: members(written)?.get("config") ?? "{}" };
}

/** Return the config that the logic of a machine would read if the machine's own config were `own`. */
export async function configWith(id: string, own: string, signal?: AbortSignal): Promise<string> {
  const { profile } = await effectiveConfig(id, signal);
  const below = profile === null ? "{}" : (await config({ kind: "profile", name: profile }, signal))[0];
  const all = new Map([...(members(below) ?? []), ...(members(own) ?? [])]);
  return `{${[...all].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}`;
}

function ofMachine({ name }: Owner): { path: { machine_id: string } } {
  return { path: { machine_id: name } };
}

function ofProfile({ name }: Owner): { path: { name: string } } {
  return { path: { name } };
}
