"""Puts logic in force: checks a source, runs its examples, and makes it a version."""

from collections.abc import Sequence
from threading import Lock

from pipeline.model.deployment import Active
from pipeline.store.versions import Check, LogicStore, any_logic
from pipeline.trials.examples import Example, ExamplesFailed, Mismatch, cases, encoded, mismatches
from pipeline.trials.runner import Trials
from sandbox.errors import LogicRefused
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox


class Uploads:
    """Takes in what is uploaded, for machines and profiles. Safe to share between threads.

    `sandbox` checks one source at a time. `trials` runs examples, which may each use up the `limits`.
    """

    def __init__(self, sandbox: Sandbox, trials: Trials, limits: Limits) -> None:
        self._sandbox = sandbox
        self._trials = trials
        self._limits = limits
        self._checking = Lock()

    def upload(
        self,
        logics: LogicStore,
        name: str,
        source: str,
        *,
        examples: Sequence[Example] | None = None,
        author: str = "",
        comment: str | None = None,
        check: Check = any_logic,
    ) -> Active:
        """Check a source, run its examples, and put it in force for the one of this name in `logics`.

        Raises `LogicRefused` with every problem found, `ExamplesFailed` with all that is not as they say,
        `ExamplesUnfit`, and what `check` raises; what was in force stays so.
        """
        with self._checking:
            checked = self._sandbox.check(source)
        if checked.code is None:
            raise LogicRefused(checked.problems)
        kept = None if examples is None else encoded(examples)
        if wrong := self.try_examples(source, examples or ()):
            raise ExamplesFailed(wrong)
        return logics.upload(
            name, source, checked.code, examples=kept, author=author, comment=comment, check=check
        )

    def try_examples(self, source: str, examples: Sequence[Example]) -> list[Mismatch]:
        """Where an accepted source does not do what its examples say. Raises `Busy`."""
        if not examples:
            return []
        ready, wrong = cases(examples, self._limits)
        return wrong or mismatches(examples, self._trials.run(source, ready))
