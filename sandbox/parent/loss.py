"""The loss of a child: its causes, and the error that tells of it."""

from typing import Final, Literal, get_args

#: Why a child was lost: it exceeded a limit (named as in `Limits`), another process killed it, it sent an
#: impossible answer, it ended, or the parent was interrupted in the middle of an exchange.
LossCause = Literal[
    "hard_seconds", "check_seconds", "memory_bytes", "killed-from-outside", "lied", "died", "interrupted"
]

#: All causes.
LOSS_CAUSES: Final[tuple[LossCause, ...]] = get_args(LossCause)

#: The limits whose breach costs the child.
LethalLimit = Literal["hard_seconds", "check_seconds", "memory_bytes"]


class ChildLost(Exception):
    """A child is lost: the parent must not use it any more.

    `limit` names the exceeded field of `Limits`, if any. `from_outside`: another process killed the child, or
    perhaps the kernel for lack of memory. `lied`: the child sent an invalid message, or claimed impossible
    progress, so the parent does not believe which reading it was working on.
    """

    def __init__(
        self, reason: str, *, limit: LethalLimit | None = None, from_outside: bool = False, lied: bool = False
    ) -> None:
        self.limit = limit
        self.from_outside = from_outside
        self.lied = lied
        super().__init__(reason)

    @property
    def cause(self) -> LossCause:
        """The cause as one word."""
        if self.limit is not None:
            return self.limit
        return "killed-from-outside" if self.from_outside else "lied" if self.lied else "died"
