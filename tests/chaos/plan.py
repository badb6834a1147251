"""Which faults, in which order: drawn from a seed before anything starts, so that a plan can be had again."""

from enum import StrEnum
from random import Random

from msgspec import Struct


class Kind(StrEnum):
    """What can be done to an installation while readings flow."""

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
    """One fault. `alone`: it waits until the one before is over, and the next one until this is, so that it
    can be timed; otherwise the next one comes `pause` seconds later, in the middle of the recovery. `seed`
    is for what is to be chosen when it happens: which worker, which machine, for how long."""

    kind: Kind
    alone: bool
    pause: float
    seed: int


def plan(seed: int, faults: int) -> list[Fault]:
    """`faults` faults. Each kind comes once before any comes again."""
    random, planned = Random(seed), list[Fault]()
    deck = list[Kind]()
    while len(planned) < faults:
        if not deck:
            deck = random.sample(list(Kind), len(Kind))
        planned.append(
            Fault(deck.pop(), random.random() < 0.5, random.uniform(0, 0.5), random.getrandbits(32))
        )
    return planned
