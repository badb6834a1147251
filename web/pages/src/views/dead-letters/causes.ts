// The number of dead letters by cause.

import { api, body, withSignal, type Schemas } from "../../api/client";
import { counted } from "../../format/numbers";
import type { Filter } from "./filter";

export function causes(filter: Filter, signal?: AbortSignal): Promise<Schemas["Causes"]> {
  return body(api.GET("/dead-letters/causes", { params: { query: filter }, ...withSignal(signal) }));
}

/** Return `12 dead letters`, or `more than 10,000 dead letters` if not all were counted. */
export function lettersIn({ counted: number, complete }: Schemas["Causes"]): string {
  return `${complete ? "" : "more than "}${counted(number, "dead letter")}`;
}
