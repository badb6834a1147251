// The current address: the path and the query behind its #, so that the pages use none of the API's paths.
//
//     #/machines/press-4?tab=logic    →  path "/machines/press-4", query { tab: "logic" }
//
// The query holds what a page shows: a search, a filter, an order, a tab. So Back works, and so do links.

/** Parameters of a query. Those that are null, undefined or "" are omitted. */
export type Query = Record<string, string | number | boolean | null | undefined>;

class Router {
  path = $state("/");
  query = $state.raw<ReadonlyMap<string, string>>(new Map());

  constructor() {
    this.#read();
    addEventListener("hashchange", () => this.#read());
    addEventListener("popstate", () => this.#read());
  }

  /** Return a parameter of the query, or "". */
  get(name: string): string {
    return this.query.get(name) ?? "";
  }

  /** Return the address of this page with some parameters changed. */
  link(changes: Query): string {
    return href(this.path, { ...Object.fromEntries(this.query), ...changes });
  }

  go(address: string): void {
    location.hash = address;
    this.#read();
  }

  /**
   * Change some parameters of the query. Null or "" removes one.
   *
   * Back undoes the change, unless `replace` is set, as it is while somebody types.
   */
  set(changes: Query, { replace = false }: { replace?: boolean } = {}): void {
    const address = this.link(changes);
    if (address === location.hash) return;
    if (replace) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    this.#read();
  }

  #read(): void {
    const [path = "", query = ""] = divided(location.hash.slice(1));
    this.path = path || "/";
    this.query = new Map(new URLSearchParams(query));
  }
}

export const router = new Router();

/** Return the address of a page, for a link. Escape each segment of the path with `part`. */
export function href(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#${path}${text && `?${text}`}`;
}

/** Escape one segment of a path. */
export function part(text: string): string {
  return encodeURIComponent(text);
}

/** Return the parameters of a path that matches a pattern such as `/machines/:id`, or null. */
export function fit(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = path.replace(/\/$/, "").split("/");
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (const [index, name] of wanted.entries()) {
    const value = given[index] ?? "";
    if (name.startsWith(":")) found[name.slice(1)] = unescaped(value);
    else if (name !== value) return null;
  }
  return found;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function divided(text: string): [string, string] {
  const mark = text.indexOf("?");
  return mark < 0 ? [text, ""] : [text.slice(0, mark), text.slice(mark + 1)];
}
