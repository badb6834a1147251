// Live events. The browser's EventSource cannot send a token, so this reads the stream with fetch.
//
// After an interruption the stream continues from the last event, as far as the API still keeps the events sent
// meanwhile. The wait grows with each failure. The stream ends if the API rejects the token or does not know the path.

import { sleep } from "../app/timing";
import { parseExactly } from "../format/json";
import { refused } from "./client";
import { EXACT } from "./exact";
import { Frames, type Frame } from "./frames";
import { asProblem, isAbort, problemOf, type ProblemError } from "./problem";
import { ROOT } from "./root";
import { bearer } from "./token";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;

export interface Listener {
  /** Called with each event, `reading`, `dead-letter`, `change` or `lagged`, and its decoded data. */
  event(name: string, data: unknown): void;
  /** Called when the stream opens (null), and when it fails, with the reason. */
  state?(problem: ProblemError | null): void;
}

/** Follow the events at `path`: `/events`, or a machine's. Returns a function that ends the stream. */
export function follow(path: string, listener: Listener, lastId: string | null = null): () => void {
  const ending = new AbortController();
  void run(path, listener, lastId, ending.signal);
  return () => ending.abort();
}

async function run(path: string, listener: Listener, lastId: string | null, signal: AbortSignal): Promise<void> {
  let wait = FIRST_WAIT;
  const seen = (frame: Frame): void => {
    wait = FIRST_WAIT;
    lastId = frame.id ?? lastId;
    listener.event(frame.name, parseExactly(frame.data, EXACT));
  };
  while (!signal.aborted) {
    try {
      await read(path, lastId, signal, () => listener.state?.(null), seen);
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      const problem = asProblem(error);
      listener.state?.(problem);
      if (problem.status === 401) refused();
      if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) return;
    }
    await sleep(wait * (0.75 + Math.random() / 2), signal);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

/** Read one stream to its end. */
async function read(
  path: string,
  lastId: string | null,
  signal: AbortSignal,
  opened: () => void,
  seen: (frame: Frame) => void,
): Promise<void> {
  const headers: Record<string, string> = { Accept: "text/event-stream", ...bearer() };
  if (lastId !== null) headers["Last-Event-ID"] = lastId;
  const response = await fetch(ROOT + path, { headers, signal, cache: "no-store" });
  if (!response.ok || response.body === null) throw await problemOf(response);
  opened();
  const frames = new Frames();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const frame of frames.take(value)) seen(frame);
  }
}
