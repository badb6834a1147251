"""The table of the limits: the sandbox's, which are settings, and those that are fixed."""

from docs.reference.markdown import table
from docs.reference.settings import limit_rows
from pipeline import wire
from pipeline.store.dead_letters import USED_SECONDS
from pipeline.trials import examples, runner
from pipeline.worker.consumer import BATCH_BYTES, BATCH_READINGS
from sandbox.job import EXHAUSTIONS, KILLS
from web.app import _BODY_BYTES
from web.live.feed import KEPT_BYTES


def limits() -> str:
    """The limits of one reading, and the fixed ones of all else."""
    fixed = [
        ["characters of a machine's id or a profile's name", "1 to 128", "letters, digits, `_` and `-`"],
        ["readings in a batch", f"{BATCH_READINGS:,}", ""],
        ["bytes of readings in a batch", f"{BATCH_BYTES:,}", ""],
        [
            "readings of a machine that floods, in a batch",
            f"{wire.OVERFLOW_PREFETCH:,}",
            "beside those of the others",
        ],
        ["sandbox children that a logic may cost on a machine", f"{KILLS:,}", "then it is in quarantine"],
        [
            "readings in a row without fuel or time",
            f"{EXHAUSTIONS:,}",
            "then the machine is in quarantine",
        ],
        [
            "examples of a logic",
            f"{examples.EXAMPLES:,}",
            f"with {runner.READINGS:,} readings and {examples.BYTES:,} bytes in all",
        ],
        [
            "readings of a trial",
            f"{runner.READINGS:,}",
            f"{runner.SECONDS} s and {runner.BYTES:,} bytes of answer; {runner.PLACES} trials at once",
        ],
        ["bytes of a request's body", f"{_BODY_BYTES:,}", "413 beyond"],
        ["bytes of live events that are kept for a slow reader", f"{KEPT_BYTES:,}", "each stream"],
        [
            "days for which a used dead letter is remembered",
            f"{USED_SECONDS // 86_400}",
            "so that it does not come back",
        ],
    ]
    return (
        table("setting | default | unit | why", limit_rows())
        + "\n## Fixed\n\n"
        + table("what | at the most | more", fixed)
    )
