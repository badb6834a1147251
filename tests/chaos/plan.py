"""The plan of a campaign: its faults in order, drawn from a seed in advance, so that it can be repeated."""

from enum import StrEnum
from random import Random

from msgspec import Struct


class Kind(StrEnum):
    """The kinds of faults of an installation while readings arrive."""

    KILL_WORKER = "worker killed"
    KILL_SANDBOX = "sandbox child killed"
    PAUSE_WORKER = "worker paused until overtaken"
    DIE_ON_TAKING = "worker killed between take and write"
    DIE_AFTER_WRITE = "worker killed between write and ack"
    WAKE_BEFORE_WRITE = "worker paused between read and write"
    RESTART_REDIS = "Redis killed"
    RESTART_RABBITMQ = "RabbitMQ killed"
    CUT = "connections cut"
    STALL = "connections stalled"
    REPLACE_LOGIC = "logic replaced"
    EDIT_STATE = "state edited"
    JOIN = "worker joins"
    LEAVE = "worker leaves"


class Fault(Struct, frozen=True):
    """One fault.

    If it is `alone`, it waits until the previous one is over, and the next one waits for it, so that its
    effect can be timed. Otherwise the next one follows after `pause` seconds, in the middle of the recovery.
    `seed` is for the choices of the fault: which worker, which machine, how long.
    """

    kind: Kind
    alone: bool
    pause: float
    seed: int


def plan(seed: int, faults: int) -> list[Fault]:
    """Return `faults` faults. Each kind occurs once before any kind occurs again."""
    random, planned = Random(seed), list[Fault]()
    deck = list[Kind]()
    while len(planned) < faults:
        if not deck:
            deck = random.sample(list(Kind), len(Kind))
        planned.append(
            Fault(deck.pop(), random.random() < 0.5, random.uniform(0, 0.5), random.getrandbits(32))
        )
    return planned
