"""The tables of limits: those of the sandbox, which are settings, and the fixed limits."""

from docs.reference.markdown import table
from docs.reference.settings import limit_rows
from pipeline import wire
from pipeline.model import schedule
from pipeline.model.cron import CRON_CHARACTERS
from pipeline.store.dead_letters import USED_SECONDS
from pipeline.trials import examples, runner
from pipeline.worker.consumer import BATCH_BYTES, BATCH_READINGS
from sandbox.job import EXHAUSTIONS, KILLS
from web.access import admission, bodies
from web.app import _BODY_BYTES
from web.live.feed import KEPT_BYTES


def limits() -> str:
    """Return the limits of one reading, and all fixed limits."""
    fixed = [
        ["characters of a machine's id or a profile's name", "1 to 128", "letters, digits, `_` and `-`"],
        ["readings in a batch", f"{BATCH_READINGS:,}", ""],
        ["bytes of readings in a batch", f"{BATCH_BYTES:,}", ""],
        [
            "readings of a machine that floods, in a batch",
            f"{wire.OVERFLOW_PREFETCH:,}",
            "beside the readings of other machines",
        ],
        [
            "kills of a sandbox child by a logic on one machine",
            f"{KILLS:,}",
            "then the machine is in quarantine",
        ],
        [
            "readings in a row that exceed fuel or time",
            f"{EXHAUSTIONS:,}",
            "then the machine is in quarantine",
        ],
        [
            "examples of a logic",
            f"{examples.EXAMPLES:,}",
            f"with {runner.READINGS:,} readings and {examples.BYTES:,} bytes in total",
        ],
        [
            "schedules of a machine, a profile or a source",
            f"{schedule.SCHEDULES:,}",
            f"an interval of {schedule.SHORTEST:,} to {schedule.LONGEST:,} seconds, or a cron expression",
        ],
        [
            "characters of a cron expression",
            f"{CRON_CHARACTERS:,}",
            "",
        ],
        [
            "readings of a trial",
            f"{runner.READINGS:,}",
            f"{runner.SECONDS} s and {runner.BYTES:,} bytes of answer",
        ],
        [
            "seconds of an upload or a trial, with its waiting",
            f"{admission.LONGEST:g}",
            "then 503; the setting `IOT_LOGIC_API_SANDBOX_PLACES` limits their number",
        ],
        ["bytes of a request's body", f"{_BODY_BYTES:,}", "413 for a larger body"],
        [
            "bytes of the bodies of all requests in progress",
            f"{bodies.MOST:,}",
            f"of one client {bodies.SHARE:,}; then 503",
        ],
        ["bytes of live events kept for a slow client", f"{KEPT_BYTES:,}", "per stream"],
        [
            "days for which the system remembers a dead letter that was processed",
            f"{USED_SECONDS // 86_400}",
            "so that it cannot return",
        ],
    ]
    return (
        table("setting | default | unit | reason", limit_rows())
        + "\n## Fixed limits\n\n"
        + table("limit | maximum | notes", fixed)
    )
