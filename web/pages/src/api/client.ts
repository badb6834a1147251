// The API, typed by its own OpenAPI document (`make pages-types`).
//
//     const page = await body(api.GET("/machines", { params: { query: { limit: 100 } }, signal }));
//
// An answer that is an error is thrown as a ProblemError.

import createClient, { type Middleware } from "openapi-fetch";

import { sleep } from "../app/timing";
import { parseExactly } from "../format/json";
import { EXACT } from "./exact";
import { problemOf } from "./problem";
import { ROOT } from "./root";
import type { components, paths } from "./schema";
import { bearer } from "./token";

export type Schemas = components["schemas"];

/** How many times a request is sent if the API is too busy. */
const ATTEMPTS = 4;

const listeners = new Set<() => void>();

/** Call `listener` when the API no longer accepts the token. */
export function onRefused(listener: () => void): void {
  listeners.add(listener);
}

/** Report that an answer had the status 401. */
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

/** Return a response whose `json` keeps all digits of the values of machines. */
async function exactly(response: Response): Promise<Response> {
  if (!response.headers.get("Content-Type")?.includes("json")) return response;
  const text = await response.text();
  const headers = new Headers(response.headers);
  headers.set("Content-Length", String(text.length)); // without it, openapi-fetch does not call `json`
  const { status, statusText } = response;
  return Object.assign(new Response(text, { status, statusText, headers }), { json: async () => parseExactly(text, EXACT) });
}

/** Send a request, and send it again if the API is too busy, has done nothing and says when to try again. */
async function patient(request: Request): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(request.clone());
    const seconds = Number(response.headers.get("Retry-After") ?? 0);
    if (![429, 503].includes(response.status) || seconds === 0 || attempt === ATTEMPTS) return exactly(response);
    await sleep(seconds * 1000, request.signal);
    request.signal.throwIfAborted();
  }
}

export const api = createClient<paths>({ baseUrl: ROOT, cache: "no-store", fetch: patient });
api.use(middleware);

/** Return the body of an answer. Throws a ProblemError, or a TypeError if there was no answer. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  return data as T;
}

/** Return the body of an answer and its entity tag, which a later request sends as If-Match. */
export async function tagged<T>(answer: Promise<{ data?: T; response: Response }>): Promise<[T, string | null]> {
  const { data, response } = await answer;
  return [data as T, response.headers.get("ETag")];
}

/** Return the header that makes a change conditional on this entity tag; none if the tag is null. */
export function matching(tag: string | null): { "If-Match"?: string } {
  return tag === null ? {} : { "If-Match": tag };
}

/** Return the option that lets `signal`, if there is one, abort a request. */
export function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

/**
 * Options that send and return JSON as text, so that long numbers keep all digits (in a state or a config):
 *
 *     const json = await body(api.GET("/machines/{machine_id}/state", { params, ...asText }));
 *     await api.PUT("/machines/{machine_id}/state", { params, body: json as never, ...asWritten });
 */
export const asText = { parseAs: "text" } as const;
export const asWritten = {
  bodySerializer: (json: unknown) => json as string,
  headers: { "Content-Type": "application/json" },
} as const;
