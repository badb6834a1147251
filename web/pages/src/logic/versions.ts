// The versions of a logic, a machine's or a profile's, and which of them is in force. The same for both.

import { api, body, tagged, type Schemas } from "../api/client";
import { matching } from "../api/match";
import { ProblemError } from "../api/problem";
import type { Owner } from "./owner";

/** What is in force of its own, and its entity tag; null where nothing is. */
export async function ownInForce(owner: Owner, signal?: AbortSignal): Promise<[Schemas["LogicInForce"], string | null] | null> {
  try {
    return await (owner.kind === "machine"
      ? tagged(api.GET("/machines/{machine_id}/logic", { params: ofMachine(owner), ...heard(signal) }))
      : tagged(api.GET("/profiles/{name}/logic", { params: ofProfile(owner), ...heard(signal) })));
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return null;
    throw error;
  }
}

/** A page of its versions, the last first, below the number `before`. */
export function versions(owner: Owner, before?: number, signal?: AbortSignal): Promise<Schemas["Versions"]> {
  const query = before === undefined ? {} : { before };
  return owner.kind === "machine"
    ? body(api.GET("/machines/{machine_id}/logic/versions", { params: { ...ofMachine(owner), query }, ...heard(signal) }))
    : body(api.GET("/profiles/{name}/logic/versions", { params: { ...ofProfile(owner), query }, ...heard(signal) }));
}

export function version(owner: Owner, number: number, signal?: AbortSignal): Promise<Schemas["WholeVersion"]> {
  const path = { number };
  return owner.kind === "machine"
    ? body(api.GET("/machines/{machine_id}/logic/versions/{number}", { params: { path: { ...path, ...ofMachine(owner).path } }, ...heard(signal) }))
    : body(api.GET("/profiles/{name}/logic/versions/{number}", { params: { path: { ...path, ...ofProfile(owner).path } }, ...heard(signal) }));
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

function heard(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}
