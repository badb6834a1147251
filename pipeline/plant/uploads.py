"""Checks uploads of logic: the source and its examples must pass before the logic is deployed."""

from collections.abc import Sequence

from msgspec import Struct

from pipeline.trials.examples import Example, ExamplesFailed, encoded, try_examples
from pipeline.trials.runner import Trials
from pipeline.trials.shared_sandbox import SharedSandbox
from sandbox.errors import LogicRefused
from sandbox.job import Problem
from sandbox.limits import Limits


class AcceptedLogic(Struct, frozen=True):
    """A logic that may be deployed: its source, its compiled code, and its examples as they are kept.

    `examples` is None if the upload has none, so that the version keeps those that it has. `notes` are
    for the author.
    """

    source: str
    code: bytes
    examples: bytes | None
    notes: tuple[Problem, ...]


class Uploads:
    """Checks uploads. `checks` checks one source at a time, `trials` runs examples."""

    def __init__(self, checks: SharedSandbox, trials: Trials, limits: Limits) -> None:
        self._checks = checks
        self._trials = trials
        self._limits = limits

    async def check(self, source: str, examples: Sequence[Example] | None) -> AcceptedLogic:
        """Check a source and run its examples.

        Raises `LogicRefused` with every problem found, `ExamplesFailed` with every mismatch, `ExamplesUnfit`,
        and `SandboxUnavailable`.
        """
        kept = None if examples is None else encoded(examples)
        checked = await self._checks.use(lambda sandbox: sandbox.check(source))
        if checked.code is None:
            raise LogicRefused(checked.problems)
        if wrong := await try_examples(self._trials, source, checked, examples or (), self._limits):
            raise ExamplesFailed(wrong)
        return AcceptedLogic(source, checked.code, kept, checked.notes)
