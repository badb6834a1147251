// The format of an owner's readings, and its schedules: read from the settings. The format is changed there too.

import { api, body, matching, tagged, type Schemas } from "../api/client";
import { nullOn } from "../api/problem";
import { say } from "../app/toasts.svelte";
import { members } from "../format/json";
import type { Owner } from "./owner";

type Settings = Schemas["MachineSettings"];
export type Format = NonNullable<Settings["format"]>;

export type Schedules = Schemas["TrialOrder"]["schedules"];

export class Payload {
  /** The format of the readings; null until it is known. */
  format = $state<Format | null>(null);
  /** The schedules that apply. */
  schedules = $state.raw<Schedules>([]);
  busy = $state(false);
  /** Why the settings cannot be read or saved. */
  failed = $state.raw<unknown>(null);

  readonly #owner: Owner;

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  /** Read the format and the schedules from the settings that apply. */
  async read(): Promise<void> {
    await this.#attempt(async () => {
      const { format, schedules } = await this.#applying();
      this.format = format ?? "json";
      this.schedules = schedules === "off" ? [] : (schedules ?? []);
    });
  }

  /** Save a format in the owner's settings. The other settings stay. */
  async save(format: Format): Promise<void> {
    const { kind, name } = this.#owner;
    await this.#attempt(async () => {
      const [own, tag] = await settingsOf(this.#owner);
      const options = { header: matching(tag) };
      const settings = { ...own, format };
      await (kind === "machine"
        ? api.PUT("/machines/{machine_id}/settings", { params: { path: { machine_id: name }, ...options }, body: settings })
        : api.PUT("/profiles/{name}/settings", { params: { path: { name }, ...options }, body: settings }));
      this.format = format;
      say(`Saved the format ${format} in the settings of ${name}.`);
    });
  }

  async #applying(): Promise<Settings> {
    if (this.#owner.kind === "machine") {
      const path = { machine_id: this.#owner.name };
      const machine = await nullOn(404, body(api.GET("/machines/{machine_id}", { params: { path } })));
      return machine?.settings ?? {};
    }
    const [settings] = await settingsOf(this.#owner);
    return settings;
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.failed = null;
    try {
      await work();
    } catch (error) {
      this.failed = error;
    } finally {
      this.busy = false;
    }
  }
}

/** Return the format that all examples have; null if there are none, or several formats. */
export function formatOf(examples: readonly string[]): Format | null {
  const formats = new Set(examples.map((each) => members(each)?.get("format") ?? '"json"'));
  const [only] = formats;
  return only === undefined || formats.size > 1 ? null : JSON.parse(only) as Format;
}

/** Return the owner's settings and their tag. A machine or profile that the API does not know yet has none. */
async function settingsOf({ kind, name }: Owner): Promise<[Settings, string | null]> {
  const found = await nullOn(404, tagged<unknown>(kind === "machine"
    ? api.GET("/machines/{machine_id}/settings", { params: { path: { machine_id: name } } })
    : api.GET("/profiles/{name}/settings", { params: { path: { name } } })));
  return found === null ? [{}, null] : [found[0] as Settings, found[1]];
}
