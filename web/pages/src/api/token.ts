// The token of this tab. It is in the tab's session storage only: not in a cookie, and not in an address.

const KEY = "iot-logic-token";

export function readToken(): string | null {
  return sessionStorage.getItem(KEY);
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}

/** Return the header that authenticates a request. */
export function bearer(): Record<string, string> {
  const token = readToken();
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}
