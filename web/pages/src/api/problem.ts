// Errors of the API, and of the connection to it.

import type { components } from "./schema";

export type ProblemDetails = components["schemas"]["ProblemDetails"];

/** An error answer (RFC 9457), or no answer at all, which has the status 0. */
export class ProblemError extends Error {
  readonly status: number;
  readonly details: ProblemDetails;

  constructor(details: ProblemDetails, options?: ErrorOptions) {
    super(details.detail, options);
    this.status = details.status;
    this.details = details;
  }

  /** The single errors in a logic or a request. */
  get errors(): Record<string, unknown>[] {
    return this.details.errors ?? [];
  }
}

/** Return an error answer as a problem. A proxy may have answered, and not in JSON. */
export async function problemOf(response: Response): Promise<ProblemError> {
  try {
    const details: unknown = await response.json();
    if (isDetails(details)) return new ProblemError(details);
  } catch {
    // Not JSON: only the status is known.
  }
  return new ProblemError({
    title: response.statusText,
    status: response.status,
    detail: `The answer has the status ${response.status} and is not from the API. A proxy may have sent it: check that the API is running.`,
  });
}

/** Return any error as a problem that can be shown. */
export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof TypeError && /fetch|network|load/i.test(error.message)) {
    const detail = "The API cannot be reached. It may be restarting, or the network may be down.";
    return new ProblemError({ title: "No answer", status: 0, detail }, { cause: error });
  }
  // A bug in these pages: the console has the details.
  console.error(error);
  const detail = error instanceof Error ? error.message : String(error);
  return new ProblemError({ title: "Error in this page", status: 0, detail }, { cause: error });
}

/** Return whether the request was aborted, because its answer is no longer needed. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Return the answer, or null if it is an error with this status. */
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
