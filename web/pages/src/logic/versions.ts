// The versions of a machine's or a profile's logic, and their deployment.

import { api, asText, body, matching, tagged, withSignal, type Schemas } from "../api/client";
import { nullOn } from "../api/problem";
import type { Owner } from "./owner";

/** Return the owner's own deployed logic and its entity tag, or null if there is none. */
export function ownDeployed(owner: Owner, signal?: AbortSignal): Promise<[Schemas["DeployedLogic"], string | null] | null> {
  return nullOn(404, owner.kind === "machine"
    ? tagged(api.GET("/machines/{machine_id}/logic", { params: ofMachine(owner), ...withSignal(signal) }))
    : tagged(api.GET("/profiles/{name}/logic", { params: ofProfile(owner), ...withSignal(signal) })));
}

/** Return a page of versions, newest first, with numbers below `before`. */
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

/** Return the unified diff from one version to another. */
export function difference(owner: Owner, from: number, to: number): Promise<string> {
  const path = { number: from };
  const query = { to };
  return owner.kind === "machine"
    ? body(api.GET("/machines/{machine_id}/logic/versions/{number}/diff", { params: { path: { ...path, ...ofMachine(owner).path }, query }, ...asText }))
    : body(api.GET("/profiles/{name}/logic/versions/{number}/diff", { params: { path: { ...path, ...ofProfile(owner).path }, query }, ...asText }));
}

/** Deploy a version, if the deployed logic still has this tag; null: in any case. */
export async function activate(owner: Owner, number: number, tag: string | null): Promise<void> {
  const header = matching(tag);
  const path = { number };
  await (owner.kind === "machine"
    ? api.POST("/machines/{machine_id}/logic/versions/{number}/activate", { params: { path: { ...path, ...ofMachine(owner).path }, header } })
    : api.POST("/profiles/{name}/logic/versions/{number}/activate", { params: { path: { ...path, ...ofProfile(owner).path }, header } }));
}

/** Undeploy the logic, if it still has this tag; null: in any case. */
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
