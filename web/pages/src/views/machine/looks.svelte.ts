// What this browser remembers of the charts: the selected fields of each machine, and the unit and the lines of each
// field, which all machines of a profile share. Everything read is checked, because an address can contain it too.

/** The unit of a field, and the values of its two lines. */
export interface Look {
  unit: string;
  low: number | null;
  high: number | null;
}

/** By the names of fields. */
export type Looks = Readonly<Record<string, Look>>;

export const NO_LOOK: Look = { unit: "", low: null, high: null };

const KEY = "iot-logic-charts";

/** The maximum number of machines, of machines and profiles with units, and of fields of each. The oldest are deleted. */
const OWNERS = 100;
const FIELDS = 60;

/** The maximum number of characters of a unit, of a field's name, and of the looks in an address. */
export const UNIT_LENGTH = 12;
const NAME_LENGTH = 120;
const ADDRESS_LENGTH = 4000;

class Remembered {
  /** Increases with every change. */
  #revision = $state(0);

  /** Return the selected fields of a machine; null if nobody has selected any. */
  fields(machine: string): string[] | null {
    void this.#revision;
    const found = membersOf(stored()["fields"])[machine];
    if (!Array.isArray(found)) return null;
    return found.filter((each) => typeof each === "string" && each.length <= NAME_LENGTH).slice(0, FIELDS) as string[];
  }

  selectFields(machine: string, fields: readonly string[] | null): void {
    this.#keep("fields", machine, fields);
  }

  /** Return the looks of the fields of a machine or a profile. */
  looks(owner: string): Looks {
    void this.#revision;
    return checked(membersOf(stored()["looks"])[owner]);
  }

  setLooks(owner: string, looks: Looks): void {
    this.#keep("looks", owner, looks);
  }

  #keep(what: string, owner: string, value: unknown): void {
    const all = stored();
    const others = Object.entries(membersOf(all[what])).filter(([each]) => each !== owner);
    const kept = value === null ? others : [...others.slice(1 - OWNERS), [owner, value]];
    try {
      localStorage.setItem(KEY, JSON.stringify({ ...all, [what]: Object.fromEntries(kept) }));
    } catch {
      // The storage is full. The address still has the selected fields.
    }
    this.#revision++;
  }
}

export const remembered = new Remembered();

/** Return the looks of some fields as a parameter of the address; "" if they have none. */
export function writtenLooks(names: readonly string[], looks: Looks): string {
  const own = Object.fromEntries(names.flatMap((name) => (looks[name] ? [[name, looks[name]]] : [])));
  return Object.keys(own).length === 0 ? "" : JSON.stringify(own);
}

/** Return the looks in the address. */
export function readLooks(parameter: string): Looks {
  if (parameter === "" || parameter.length > ADDRESS_LENGTH) return {};
  try {
    return checked(JSON.parse(parameter));
  } catch {
    return {};
  }
}

function checked(value: unknown): Looks {
  const given = Object.entries(membersOf(value)).filter(([name]) => name.length <= NAME_LENGTH).slice(0, FIELDS);
  return Object.fromEntries(given.map(([name, look]) => {
    const { unit, low, high } = membersOf(look);
    return [name, { unit: typeof unit === "string" ? unit.slice(0, UNIT_LENGTH) : "", low: numberIn(low), high: numberIn(high) }];
  }));
}

function numberIn(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function stored(): Record<string, unknown> {
  try {
    return membersOf(JSON.parse(localStorage.getItem(KEY) ?? "null"));
  } catch {
    return {};
  }
}
