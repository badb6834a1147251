// The saved views of the list of machines: names for addresses. This browser remembers them.

const KEY = "iot-logic-machine-views";

/** The most views, and the most characters of a name and of a query. */
export const VIEWS = 30;
export const NAME_CHARS = 60;
const QUERY_CHARS = 1000;

export interface View {
  name: string;
  /** The parameters of the address, sorted by name. */
  query: Record<string, string>;
}

class Views {
  all = $state.raw<readonly View[]>(remembered());

  /** Save a view. It replaces the one of the same name. */
  save(view: View): void {
    this.#keep([...this.all.filter((each) => each.name !== view.name), view].slice(-VIEWS));
  }

  delete(name: string): void {
    this.#keep(this.all.filter((each) => each.name !== name));
  }

  #keep(views: readonly View[]): void {
    this.all = views.toSorted((one, other) => one.name.localeCompare(other.name));
    try {
      localStorage.setItem(KEY, JSON.stringify(this.all));
    } catch {
      // The storage is full: the views live as long as the page.
    }
  }
}

/** Return the views that this browser remembers, without those that are not valid. */
function remembered(): View[] {
  try {
    const views: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(views) ? views.filter(isView).slice(0, VIEWS) : [];
  } catch {
    return [];
  }
}

function isView(value: unknown): value is View {
  const { name, query } = (value ?? {}) as Partial<View>;
  return typeof name === "string" && name !== "" && name.length <= NAME_CHARS
    && typeof query === "object" && query !== null && Object.values(query).every((each) => typeof each === "string")
    && JSON.stringify(query).length <= QUERY_CHARS;
}

/** Return whether a view shows this query. */
export function shows(view: View, query: ReadonlyMap<string, string>): boolean {
  return JSON.stringify(view.query) === JSON.stringify(sorted(query));
}

/** Return the parameters of a query, sorted by name. */
export function sorted(query: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...query].toSorted(([one], [other]) => one.localeCompare(other)));
}

export const views = new Views();
