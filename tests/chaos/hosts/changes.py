"""Changes over REST during a round: uploads, configs, states, pauses, new and revoked tokens.

Each change has a machine or a token of its own and is repeated until it is answered, so there is one correct
outcome, also if a request without an answer is executed much later: a change that was answered must be there.
"""

import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any, Final

import httpx
from msgspec import Struct

from tests.chaos.census import LOGIC
from tests.support.waiting import wait_until

#: Seconds after which a client gives up a request and repeats it.
_TIMEOUT: Final = 5.0

#: Seconds for which the API may not know an earlier change. Then the client goes on with another machine.
_OLD_SECONDS: Final = 20.0

#: Seconds between two changes of a client.
_PAUSE: Final = 0.2

#: Seconds within which the API must answer a question after a round.
_PATIENCE: Final = 60.0


class Change(Struct, frozen=True):
    """An answered change: a sentence about it, and how to find out whether it is there."""

    what: str
    path: str
    right: Callable[[httpx.Response], bool]
    token: str = ""


class Client:
    """Makes changes on its own thread, from `start` to `stop`, and calls `note` after each answer."""

    def __init__(self, name: str, url: str, bearer: str, note: Callable[[str], None]) -> None:
        self.name = name
        self.answered = list[Change]()
        #: How many answers did not know an earlier change.
        self.old = 0
        self._note = note
        self._http = httpx.Client(base_url=url, headers={"Authorization": bearer}, timeout=_TIMEOUT)
        self._number = 0
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Make changes from now on."""
        self._stop.clear()
        self._thread = Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Make no more changes. A change without an answer by now is not judged."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Close the connections."""
        self.stop()
        self._http.close()

    def missing(self, since: int = 0) -> list[str]:
        """Return the changes from this one on that are not there, although they were answered."""
        return [each.what for each in self.answered[since:] if not each.right(self._read(each))]

    def _read(self, change: Change) -> httpx.Response:
        """Return the answer to a question about a change, as soon as there is one that is not an error."""
        headers = {"Authorization": f"Bearer {change.token}"} if change.token else {}
        answers = list[httpx.Response]()

        def answered() -> bool:
            try:
                answers[:] = [self._http.get(change.path, headers=headers)]
            except httpx.TransportError:
                return False
            return answers[0].status_code < 500

        wait_until(answered, timeout=_PATIENCE)
        return answers[0]

    def _run(self) -> None:
        while not self._stop.is_set():
            self._number += 1
            for change in self._changes(f"{self.name}-{self._number}"):
                if change is None:
                    break
                self.answered.append(change)
                self._note(self.name)
                time.sleep(_PAUSE)

    def _changes(self, machine: str) -> Iterator[Change | None]:
        """Make all kinds of changes once. Yields None if one of them has no answer."""
        value = {"number": self._number}
        logic = f"# {machine}\n{LOGIC}"
        path = f"/machines/{machine}"
        for what, method, where, body, read, right in (
            ("upload", "POST", "/logic", {"logic": logic}, "/logic", _has("logic", logic)),
            ("config", "PUT", "/config", value, "/config", _is(value)),
            ("state", "PUT", "/state", value, "/state", _is(value)),
            ("pause", "POST", "/pause", None, "", _has("paused", True)),
        ):
            answer = self._change(method, path + where, body)
            yield None if answer is None else Change(f"{what} of {machine}", path + read, right)
        # A secret is in one answer only, so each attempt has a token of its own.
        attempts = iter(range(1_000))
        answer = self._change(
            "POST", "/tokens", lambda: {"name": f"{machine}-{next(attempts)}", "role": "viewer"}
        )
        if answer is None:
            yield None
            return
        name, secret = answer.json()["name"], answer.json()["token"]
        if self._number % 2:
            yield Change(f"token {name}", "/whoami", _has("name", name), secret)
        else:
            answer = self._change("DELETE", f"/tokens/{name}", None)
            revoked = Change(f"revoked token {name}", "/whoami", _is_refused, secret)
            yield None if answer is None else revoked

    def _change(self, method: str, path: str, body: Any) -> httpx.Response | None:
        """Return the answer to a change, which is repeated until then.

        Return None if the client is stopped, or an earlier change stays unknown.
        """
        give_up = float("inf")
        while not self._stop.is_set() and time.monotonic() < give_up:
            try:
                sent = body() if callable(body) else body
                answer = self._http.request(method, path, json=sent)
            except httpx.TransportError:
                continue
            is_old = answer.status_code == 404
            # An earlier attempt without an answer may have revoked the token.
            if answer.is_success or (method == "DELETE" and is_old):
                return answer
            # An API that is connected to a primary that was replaced does not know the newest changes.
            self.old += is_old
            give_up = min(give_up, time.monotonic() + _OLD_SECONDS) if is_old else float("inf")
            assert is_old or answer.status_code >= 500, answer.text
            self._stop.wait(_PAUSE)
        return None


def _has(field: str, value: object) -> Callable[[httpx.Response], bool]:
    return lambda answer: answer.is_success and answer.json()[field] == value


def _is(value: object) -> Callable[[httpx.Response], bool]:
    return lambda answer: answer.is_success and answer.json() == value


def _is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 401
