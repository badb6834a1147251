// Templates: logics to start from, with their examples and the settings that they need.

import { api, asText, body, type Schemas } from "../api/client";
import { members } from "../format/json";

export type TemplateSummary = Schemas["TemplateSummary"];

/** A template to put into the editor. Examples are JSON texts. */
export interface Template {
  title: string;
  logic: string;
  examples: readonly string[];
}

export async function listTemplates(): Promise<readonly TemplateSummary[]> {
  return (await body(api.GET("/templates"))).templates;
}

export async function readTemplate(name: string): Promise<Template> {
  const written = await body(api.GET("/templates/{name}", { params: { path: { name } }, ...asText })) as unknown as string;
  const { title, logic } = JSON.parse(written) as Schemas["WholeTemplate"];
  return { title, logic, examples: [...(members(members(written)?.get("examples") ?? "[]")?.values() ?? [])] };
}

/** Return the settings that a template needs, as words: "format binary". Empty if it needs none. */
export function needs({ settings }: TemplateSummary): string {
  return Object.entries(settings).map(([name, value]) => `${name} ${String(value)}`).join(", ");
}
