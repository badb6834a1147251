// Who is signed in, and what he may do.

import { api, body, onRefused, type Schemas } from "../api/client";
import { asProblem, ProblemError } from "../api/problem";
import { forgetToken, keepToken, readToken } from "../api/token";
import { forgetDrafts } from "./drafts";

export type Role = Schemas["Role"];

/** Each role may do everything that the roles before it may do. */
export const ROLES: readonly Role[] = ["viewer", "operator", "author", "admin"];

class Session {
  /** Who the API takes us for; null until it has said so. */
  who = $state.raw<Schemas["WhoAmI"] | null>(null);
  /** Why nobody is signed in, where it is known. */
  problem = $state.raw<ProblemError | null>(null);
  /** Whether it is being found out. */
  asking = $state(true);

  /** Find out who we are, with the token that this tab has, if any. */
  async begin(): Promise<void> {
    const hadToken = readToken() !== null;
    await this.#ask();
    // To need a token is no problem before one was sent.
    if (!hadToken && this.problem?.status === 401) this.problem = null;
  }

  async signIn(token: string): Promise<void> {
    keepToken(token.trim());
    await this.#ask();
    if (this.who !== null) return;
    forgetToken();
    if (this.problem?.status === 401) {
      const detail = "This token is not valid: it is wrong, has expired or was revoked.";
      this.problem = new ProblemError({ title: "Not signed in", status: 401, detail });
    }
  }

  /** Leave nothing in this tab: neither the token nor what was typed and not saved. */
  signOut(): void {
    forgetToken();
    forgetDrafts();
    this.who = null;
    this.problem = null;
    void this.begin();
  }

  /** The token is refused: nothing is shown any more, and the address stays for who signs in again. */
  end(): void {
    if (this.who === null) return;
    forgetToken();
    this.who = null;
    const detail = "Your token is not valid any more: it has expired or was revoked. Sign in again to go on here.";
    this.problem = new ProblemError({ title: "Signed out", status: 401, detail });
  }

  may(role: Role): boolean {
    return this.who !== null && ROLES.indexOf(this.who.role) >= ROLES.indexOf(role);
  }

  async #ask(): Promise<void> {
    this.asking = true;
    try {
      this.who = await body(api.GET("/whoami"));
      this.problem = null;
    } catch (error) {
      this.who = null;
      this.problem = asProblem(error);
    } finally {
      this.asking = false;
    }
  }
}

export const session = new Session();
onRefused(() => session.end());

/** Whether who is signed in may do what needs this role. What he may not do is not offered. */
export function may(role: Role): boolean {
  return session.may(role);
}
