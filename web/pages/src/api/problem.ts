// What the API, or the way to it, has said is wrong.

import type { components } from "./schema";

export type ProblemDetails = components["schemas"]["ProblemDetails"];

/** An answer that is a problem (RFC 9457), or none at all, which has the status 0. */
export class ProblemError extends Error {
  readonly status: number;
  readonly details: ProblemDetails;

  constructor(details: ProblemDetails, options?: ErrorOptions) {
    super(details.detail, options);
    this.status = details.status;
    this.details = details;
  }

  /** What is wrong, one by one: with a logic or a request. */
  get errors(): Record<string, unknown>[] {
    return this.details.errors ?? [];
  }
}

/** The problem that an answer is. Something on the way may answer too, and not in JSON. */
export async function problemOf(response: Response): Promise<ProblemError> {
  try {
    const details: unknown = await response.json();
    if (isDetails(details)) return new ProblemError(details);
  } catch {
    // Not JSON: what is known is its status.
  }
  return new ProblemError({
    title: response.statusText,
    status: response.status,
    detail: `The API's answer cannot be read (status ${response.status}). Something between may have sent it.`,
  });
}

/** Any error as a problem, to be shown. */
export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof TypeError && /fetch|network|load/i.test(error.message)) {
    const detail = "The API cannot be reached. It may be starting again, or the network is down.";
    return new ProblemError({ title: "No answer", status: 0, detail }, { cause: error });
  }
  // A fault of these pages: whoever looks for it finds it in the console.
  console.error(error);
  const detail = error instanceof Error ? error.message : String(error);
  return new ProblemError({ title: "A fault of this page", status: 0, detail }, { cause: error });
}

/** Whether it is only that nobody waits for the answer any more. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** The answer, or null if it is a problem with this status. */
export async function nullOn<T>(status: number, answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ProblemError && error.status === status) return null;
    throw error;
  }
}

function isDetails(value: unknown): value is ProblemDetails {
  return typeof value === "object" && value !== null && "detail" in value && "status" in value;
}
