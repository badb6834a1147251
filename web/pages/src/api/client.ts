// The API, typed by its own OpenAPI document (`make pages-types`).
//
//     const page = await body(api.GET("/machines", { params: { query: { limit: 100 } }, signal }));
//
// What is not answered well is thrown as a ProblemError.

import createClient, { type Middleware } from "openapi-fetch";

import { problemOf } from "./problem";
import type { components, paths } from "./schema";
import { bearer } from "./token";

export type Schemas = components["schemas"];

const listeners = new Set<() => void>();

/** Have `listener` called when the API takes the token no more. */
export function onRefused(listener: () => void): void {
  listeners.add(listener);
}

/** Say that an answer was 401. */
export function refused(): void {
  for (const listener of listeners) listener();
}

const middleware: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(bearer())) request.headers.set(name, value);
  },
  async onResponse({ response }) {
    if (response.ok) return;
    if (response.status === 401) refused();
    throw await problemOf(response);
  },
};

export const api = createClient<paths>({ baseUrl: location.origin, cache: "no-store" });
api.use(middleware);

/** What is in an answer. Throws a ProblemError, or a TypeError where there was none. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  return data as T;
}

/** The same, with its entity tag, to be sent back as If-Match. */
export async function tagged<T>(answer: Promise<{ data?: T; response: Response }>): Promise<[T, string | null]> {
  const { data, response } = await answer;
  return [data as T, response.headers.get("ETag")];
}

/** The header that changes only what still has this entity tag; null: whatever is there. */
export function matching(tag: string | null): { "If-Match"?: string } {
  return tag === null ? {} : { "If-Match": tag };
}

/** The option that lets `signal`, if there is one, abort a request. */
export function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

/**
 * Options of a request whose JSON is to stay as it is written, as its long numbers must (a state, a config):
 *
 *     const json = await body(api.GET("/machines/{machine_id}/state", { params, ...asText }));
 *     await api.PUT("/machines/{machine_id}/state", { params, body: json as never, ...asWritten });
 */
export const asText = { parseAs: "text" } as const;
export const asWritten = {
  bodySerializer: (json: unknown) => json as string,
  headers: { "Content-Type": "application/json" },
} as const;
