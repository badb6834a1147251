// Who is signed in, and what they may do.

import { api, body, onRefused, type Schemas } from "../api/client";
import { asProblem, ProblemError } from "../api/problem";
import { forgetToken, keepToken, readToken } from "../api/token";
import { forgetDrafts } from "./drafts";

export type Role = Schemas["Role"];

/** Each role may do everything that the roles before it may do. */
export const ROLES: readonly Role[] = ["viewer", "operator", "author", "admin"];

class Session {
  /** The user that the API knows the token as; null before it has answered. */
  who = $state.raw<Schemas["WhoAmI"] | null>(null);
  /** Why nobody is signed in, if known. */
  problem = $state.raw<ProblemError | null>(null);
  /** Whether the API is being asked. */
  asking = $state(true);

  /** Ask the API who is signed in, with this tab's token if there is one. */
  async begin(): Promise<void> {
    const hadToken = readToken() !== null;
    await this.#ask();
    // A 401 is no problem before a token was sent.
    if (!hadToken && this.problem?.status === 401) this.problem = null;
  }

  async signIn(token: string): Promise<void> {
    keepToken(token.trim());
    await this.#ask();
    if (this.who !== null) return;
    forgetToken();
    if (this.problem?.status === 401) {
      const detail = "This token is not valid. It may be mistyped, expired or revoked. Check it, or ask an admin for a new one.";
      this.problem = new ProblemError({ title: "Not signed in", status: 401, detail });
    }
  }

  /** Delete the token and all drafts from this tab. */
  signOut(): void {
    forgetToken();
    forgetDrafts();
    this.who = null;
    this.problem = null;
    void this.begin();
  }

  /** End the session, because the API rejected the token. The address stays, so that the page opens after signing in. */
  end(): void {
    if (this.who === null) return;
    forgetToken();
    this.who = null;
    const detail = "Your token is no longer valid: it has expired or was revoked. Sign in again to continue.";
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

/** Return whether the signed-in user has this role. The pages hide actions that the user may not perform. */
export function may(role: Role): boolean {
  return session.may(role);
}
