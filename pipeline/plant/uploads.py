"""Deploys logic: checks a source, runs its examples, and makes it a version."""

from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from pipeline.model.deployment import Active
from pipeline.store.versions import Check, LogicStore, any_logic
from pipeline.trials.examples import Example, ExamplesFailed, Mismatch, cases, encoded, mismatches
from pipeline.trials.runner import Trials
from sandbox.errors import LogicRefused
from sandbox.job import Problem
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox


class Uploaded(NamedTuple):
    """The version that an upload deployed, and the notes about its source."""

    active: Active
    notes: tuple[Problem, ...]


class Uploads:
    """Accepts uploads for machines and profiles. Safe to share between threads.

    `sandbox` checks one source at a time. `trials` runs examples, each of which may use up the `limits`.
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
    ) -> Uploaded:
        """Check a source, run its examples, and deploy it for the owner of this name in `logics`.

        The owner is a machine or a profile. Raises `LogicRefused` with every problem found, `ExamplesFailed`
        with every mismatch, `ExamplesUnfit`, and the errors of `check`. Then the deployed version does not
        change.
        """
        with self._checking:
            checked = self._sandbox.check(source)
        if checked.code is None:
            raise LogicRefused(checked.problems)
        kept = None if examples is None else encoded(examples)
        if wrong := self.try_examples(source, examples or ()):
            raise ExamplesFailed(wrong)
        active = logics.upload(
            name, source, checked.code, examples=kept, author=author, comment=comment, check=check
        )
        return Uploaded(active, checked.notes)

    def try_examples(self, source: str, examples: Sequence[Example]) -> list[Mismatch]:
        """Return the mismatches between an accepted source and its examples. Raises `Busy`."""
        if not examples:
            return []
        ready, wrong = cases(examples, self._limits)
        return wrong or mismatches(examples, self._trials.run(source, ready))
