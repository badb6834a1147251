// The owner of a logic, a machine or a profile: reads its deployed logic, and saves a new one.

import { api, asText, asWritten, body, type Schemas } from "../api/client";
import { nullOn } from "../api/problem";
import { members } from "../format/json";

export interface Owner {
  kind: "machine" | "profile";
  name: string;
}

/** The deployed logic. Examples are JSON texts, as they are stored. */
export interface Deployed {
  /** Null if there is no logic, and so is `tag`. */
  version: number | null;
  tag: string | null;
  author: string;
  time: string | null;
  comment: string | null;
  logic: string;
  examples: readonly string[];
  /** The profile to which the version belongs; null if it is the owner's own. */
  profile: string | null;
  /** The profile that the machine follows, if no logic is deployed. */
  follows?: string | null;
}

export interface Saved {
  version: number;
  tag: string | null;
}

export const NOTHING: Deployed = {
  version: null, tag: null, author: "", time: null, comment: null, logic: "", examples: [], profile: null,
};

/** Return the logic that runs: for a machine without its own logic, that of its profile. `NOTHING` if there is none. */
export async function deployed(owner: Owner, signal: AbortSignal): Promise<Deployed> {
  const own = await nullOn(404, read(owner, signal));
  if (own !== null || owner.kind === "profile") return own ?? NOTHING;
  const path = { machine_id: owner.name };
  const machine = await nullOn(404, body(api.GET("/machines/{machine_id}", { params: { path }, signal })));
  if (!machine?.logicprofile) return { ...NOTHING, follows: machine?.profile ?? null };
  const profile = machine.logicprofile;
  const theirs = await nullOn(404, read({ kind: "profile", name: profile }, signal));
  return theirs === null ? NOTHING : { ...theirs, tag: null, profile };
}

/** Save and deploy a logic, if the deployed logic still has this tag; null: if there still is none. */
export async function save(
  owner: Owner, logic: string, examples: readonly string[], comment: string, tag: string | null,
): Promise<Saved> {
  const said = comment.trim() === "" ? null : comment.trim();
  const written = `{"logic":${JSON.stringify(logic)},"examples":[${examples.join()}],"comment":${JSON.stringify(said)}}`;
  const header = tag === null ? { "If-None-Match": "*" } : { "If-Match": tag };
  const options = { body: written as never, ...asWritten };
  const { data, response } = await (owner.kind === "machine"
    ? api.POST("/machines/{machine_id}/logic", { params: { path: { machine_id: owner.name }, header }, ...options })
    : api.POST("/profiles/{name}/logic", { params: { path: { name: owner.name }, header }, ...options }));
  return { version: (data as Schemas["Accepted"]).version, tag: response.headers.get("ETag") };
}

async function read(owner: Owner, signal: AbortSignal): Promise<Deployed> {
  const { data, response } = await (owner.kind === "machine"
    ? api.GET("/machines/{machine_id}/logic", { params: { path: { machine_id: owner.name } }, signal, ...asText })
    : api.GET("/profiles/{name}/logic", { params: { path: { name: owner.name } }, signal, ...asText }));
  const written = data as string;
  const { version, author, time, comment, logic } = JSON.parse(written) as Schemas["DeployedLogic"];
  const examples = [...(members(members(written)?.get("examples") ?? "[]")?.values() ?? [])];
  return { version, author, time, comment, logic, examples, tag: response.headers.get("ETag"), profile: null };
}
