// Whose logic it is: a machine's or a profile's. What is in force there, and how another is put in its place.

import { api, asText, asWritten, body, type Schemas } from "../api/client";
import { nullOn } from "../api/problem";
import { parts } from "../format/json";

export interface Owner {
  kind: "machine" | "profile";
  name: string;
}

/** What is in force. Examples are JSON texts, as they are kept. */
export interface InForce {
  /** Null where there is no logic; `tag` too. */
  version: number | null;
  tag: string | null;
  author: string;
  time: string | null;
  comment: string | null;
  logic: string;
  examples: readonly string[];
  /** The profile whose version it is; null where it is the owner's own. */
  profile: string | null;
  /** The profile that a machine follows where nothing runs. */
  follows?: string | null;
}

export interface Saved {
  version: number;
  tag: string | null;
}

export const NOTHING: InForce = {
  version: null, tag: null, author: "", time: null, comment: null, logic: "", examples: [], profile: null,
};

/** What runs: of a machine that has none of its own, its profile's. `NOTHING` where nothing does. */
export async function inForce(owner: Owner, signal: AbortSignal): Promise<InForce> {
  const own = await nullOn(404, read(owner, signal));
  if (own !== null || owner.kind === "profile") return own ?? NOTHING;
  const path = { machine_id: owner.name };
  const machine = await nullOn(404, body(api.GET("/machines/{machine_id}", { params: { path }, signal })));
  if (!machine?.logicprofile) return { ...NOTHING, follows: machine?.profile ?? null };
  const profile = machine.logicprofile;
  const theirs = await nullOn(404, read({ kind: "profile", name: profile }, signal));
  return theirs === null ? NOTHING : { ...theirs, tag: null, profile };
}

/** Put a logic in force, if what is in force is still what `tag` names: null for nothing. */
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

async function read(owner: Owner, signal: AbortSignal): Promise<InForce> {
  const { data, response } = await (owner.kind === "machine"
    ? api.GET("/machines/{machine_id}/logic", { params: { path: { machine_id: owner.name } }, signal, ...asText })
    : api.GET("/profiles/{name}/logic", { params: { path: { name: owner.name } }, signal, ...asText }));
  const written = data as string;
  const { version, author, time, comment, logic } = JSON.parse(written) as Schemas["LogicInForce"];
  const examples = [...(parts(parts(written)?.get("examples") ?? "[]")?.values() ?? [])];
  return { version, author, time, comment, logic, examples, tag: response.headers.get("ETag"), profile: null };
}
