// A parser of server-sent events, by section 9.2.6 of the HTML standard.

/** One event. With its `id` the stream can be continued after it. */
export interface Frame {
  name: string;
  data: string;
  id: string | null;
}

/** Takes pieces of text as they arrive, and returns the events that are complete. */
export class Frames {
  #rest = "";
  #name = "";
  #data: string[] = [];
  #id: string | null = null;

  take(piece: string): Frame[] {
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): Frame[] {
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    return [];
  }

  #end(): Frame[] {
    const frame = { name: this.#name || "message", data: this.#data.join("\n"), id: this.#id };
    const any = this.#data.length > 0;
    this.#name = "";
    this.#data = [];
    return any ? [frame] : [];
  }
}
