// The versions of a logic, a machine's or a profile's, and which of them is in force. The same for both.

import { api, asText, body, matching, tagged, withSignal, type Schemas } from "../api/client";
import { nullOn } from "../api/problem";
import type { Owner } from "./owner";

/** What is in force of its own, and its entity tag; null where nothing is. */
export function ownInForce(owner: Owner, signal?: AbortSignal): Promise<[Schemas["LogicInForce"], string | null] | null> {
  return nullOn(404, owner.kind === "machine"
    ? tagged(api.GET("/machines/{machine_id}/logic", { params: ofMachine(owner), ...withSignal(signal) }))
    : tagged(api.GET("/profiles/{name}/logic", { params: ofProfile(owner), ...withSignal(signal) })));
}

/** A page of its versions, the last first, below the number `before`. */
export function versions(owner: Owner, before?: number, signal?: AbortSignal): Promise<Schemas["Versions"]> {
  const query = before === undefined ? {} : { before };
  return owner.kind === "machine"
    ? body(api.GET("/machines/{machine_id}/logic/versions", { params: { ...ofMachine(owner), query }, ...withSignal(signal) }))
    : body(api.GET("/profiles/{name}/logic/versions", { params: { ...ofProfile(owner), query }, ...withSignal(signal) }));
}

export function version(owner: Owner, number: number, signal?: AbortSignal): Promise<Schemas["WholeVersion"]> {
  const path = { number };
  return owner.kind === "machine"
    ? body(api.GET("/machines/{machine_id}/logic/versions/{number}", { params: { path: { ...path, ...ofMachine(owner).path } }, ...withSignal(signal) }))
    : body(api.GET("/profiles/{name}/logic/versions/{number}", { params: { path: { ...path, ...ofProfile(owner).path } }, ...withSignal(signal) }));
}

/** The unified diff from one version to another. */
export function difference(owner: Owner, from: number, to: number): Promise<string> {
  const path = { number: from };
  const query = { to };
  return owner.kind === "machine"
    ? body(api.GET("/machines/{machine_id}/logic/versions/{number}/diff", { params: { path: { ...path, ...ofMachine(owner).path }, query }, ...asText }))
    : body(api.GET("/profiles/{name}/logic/versions/{number}/diff", { params: { path: { ...path, ...ofProfile(owner).path }, query }, ...asText }));
}

/** Put a version in force, where what is in force still has this tag; null: whatever is. */
export async function activate(owner: Owner, number: number, tag: string | null): Promise<void> {
  const header = matching(tag);
  const path = { number };
  await (owner.kind === "machine"
    ? api.POST("/machines/{machine_id}/logic/versions/{number}/activate", { params: { path: { ...path, ...ofMachine(owner).path }, header } })
    : api.POST("/profiles/{name}/logic/versions/{number}/activate", { params: { path: { ...path, ...ofProfile(owner).path }, header } }));
}

/** Put no logic in force any more, where what is in force still has this tag. */
export async function deactivate(owner: Owner, tag: string | null): Promise<void> {
  const header = matching(tag);
  await (owner.kind === "machine"
    ? api.DELETE("/machines/{machine_id}/logic", { params: { ...ofMachine(owner), header } })
    : api.DELETE("/profiles/{name}/logic", { params: { ...ofProfile(owner), header } }));
}

function ofMachine({ name }: Owner): { path: { machine_id: string } } {
  return { path: { machine_id: name } };
}

function ofProfile({ name }: Owner): { path: { name: string } } {
  return { path: { name } };
}
