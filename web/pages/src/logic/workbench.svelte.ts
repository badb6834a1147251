// The life of a draft: it starts from the deployed logic, and is saved only if the deployed logic is still the one that
// it started from. Views read the fields; `arrived` must be called each time the deployed logic is read.

import { asProblem, type ProblemError } from "../api/problem";
import { session } from "../app/session.svelte";
import { say, sayProblem } from "../app/toasts.svelte";
import { members } from "../format/json";
import { Checking } from "./checking.svelte";
import { Draft } from "./draft.svelte";
import { NOTHING, save, type Deployed, type Owner } from "./owner";
import { failedWithoutLogic } from "./readings";
import { starter } from "./starter";
import type { Template } from "./templates";

export class Workbench {
  readonly draft: Draft;
  readonly checking = new Checking();
  /** Whether the deployed logic is known, so that there is something to edit. */
  begun = $state(false);
  /** Whether the draft becomes the machine's own logic, although it now runs its profile's. */
  own = $state(false);
  /** The deployed logic, if somebody has saved another one since the draft was started. */
  conflict = $state.raw<Deployed | null>(null);
  busy = $state(false);
  /** Why the last attempt to save failed. */
  refused = $state.raw<ProblemError | null>(null);
  /** The result of the last attempt to save. */
  message = $state("");
  /** Whether there are dead letters from before the first logic. */
  earlier = $state(false);

  readonly #owner: Owner;

  constructor(owner: Owner) {
    this.#owner = owner;
    this.draft = new Draft(owner);
  }

  /** Handle the deployed logic each time it is read. `sample` is a reading as JSON, if there is one. */
  arrived(value: Deployed, sample: string | null): void {
    if (!this.begun && this.draft.restore()) this.own = value.profile !== null;
    else if (!this.begun || (!this.draft.changed && identity(value) !== identity(this.draft.base))) this.begin(value, sample);
    this.begun = true;
    this.conflict = identity(value) === identity(this.draft.base) ? null : value;
  }

  /** Start a draft from the deployed logic, or from a proposal if there is none. */
  begin(value: Deployed, sample: string | null): void {
    this.draft.begin(value.version === null ? { ...NOTHING, logic: starter(sample) } : value);
    this.conflict = null;
    this.own = false;
  }

  /** Put a template into the draft. */
  take({ title, logic, examples }: Template): void {
    this.draft.logic = logic;
    this.draft.examples = examples;
    say(`The editor now has the template “${title}”. It is deployed only when you save it.`);
  }

  /** Save and deploy the draft if the deployed logic has this tag. Return whether this succeeded. */
  async store(tag: string | null): Promise<boolean> {
    const { draft } = this;
    this.busy = true;
    this.refused = null;
    this.message = "";
    this.earlier = false;
    const { logic, examples } = draft;
    const before = draft.base.version;
    try {
      const saved = await save(this.#owner, logic, examples, draft.comment, tag);
      const again = !this.own && before !== null && saved.version < before;
      this.message = again
        ? `This logic is equal to version ${saved.version}, which is deployed again. It runs from the next reading on.`
        : `Version ${saved.version} is deployed. It runs from the next reading on.`;
      draft.base = { ...NOTHING, ...saved, logic, examples, time: new Date().toISOString(), author: session.who?.name ?? "" };
      draft.comment = "";
      draft.restored = this.own = false;
      this.conflict = null;
      say(`${this.#owner.name}: ${this.message}`);
      if (before === null && this.#owner.kind === "machine") {
        failedWithoutLogic(this.#owner.name).then((found) => (this.earlier = found), sayProblem);
      }
      return true;
    } catch (error) {
      this.#rejected(asProblem(error));
      return false;
    } finally {
      this.busy = false;
    }
  }

  #rejected(problem: ProblemError): void {
    if (problem.status === 422 && (problem.errors.length > 0 || problem.details.examples)) this.checking.take(problem);
    // The version saved meanwhile is shown as soon as it is read.
    if (problem.status === 412 && !this.draft.changed) {
      say("Not saved, because someone else has saved a logic meanwhile. The editor now shows it.");
    }
    this.refused = problem.status === 412 ? null : problem;
  }

  /** Add an outcome of a trial to the examples, under a name that no other has. */
  keep(example: string): void {
    const { draft } = this;
    const taken = new Set(draft.examples.map((each) => members(each)?.get("name")));
    const name = JSON.parse(members(example)?.get("name") ?? '""') as string;
    let unique = name;
    for (let next = 2; taken.has(JSON.stringify(unique)); next++) unique = `${name} (${next})`;
    draft.examples = [...draft.examples, example.replace(JSON.stringify(name), () => JSON.stringify(unique))];
    say(`Added the example “${unique}”. It is saved with the logic.`);
  }
}

/** Return a string that identifies a deployed logic. */
function identity({ tag, profile, version }: Deployed): string {
  return tag ?? `${profile}:${version}`;
}
