"""A source as clients see it."""

from typing import Annotated, Self

import msgspec
from msgspec import Meta, Struct

from pipeline.model.machine_settings import MachineSettings
from pipeline.model.new_settings import NewSettings
from pipeline.model.topic_source import Case, TopicSource, pattern_of
from pipeline.plant.topic_sources import Removal
from pipeline.store.topic_sources import KeptSource, State
from pipeline.wire import readings_queue
from sandbox.limits import Limits
from web.schemas.settings import checked_settings


class NewSource(TopicSource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source, as a user sets it.

    A machine that has no logic and no profile of its own follows `profile` from its first reading on.
    """

    settings: Annotated[
        NewSettings,
        Meta(
            description="The settings of the readings, for all that their machines and profiles do not set."
        ),
    ] = NewSettings()

    def within(self, limits: Limits) -> TopicSource:
        """Return the source as it is stored. Raises the error to answer with if it exceeds a limit."""
        checked_settings(self.settings, limits)
        return msgspec.convert(self, TopicSource, from_attributes=True)


class SourceDetails(Struct):
    """A source: a filter for topics, and how a topic names a machine.

    `pattern` is the routing key pattern by which the queue of the partition is bound to `amq.topic`.
    """

    name: str
    filter: Annotated[str, Meta(description="The topics of the readings, with the placeholder {machine}.")]
    prefix: Annotated[str, Meta(description="Put before each id that is not renamed.")]
    case: Annotated[Case, Meta(description="How the letters of the ids are changed.")]
    rename: Annotated[dict[str, str], Meta(description="The machine's id by the device's name in the topic.")]
    profile: Annotated[
        str | None, Meta(description="The profile that machines without a logic and a profile follow.")
    ]
    settings: Annotated[
        MachineSettings,
        Meta(
            description="The settings of the readings, for all that their machines and profiles do not set."
        ),
    ]
    state: Annotated[
        State,
        Meta(
            description="new: its queue is being declared. active: its readings are processed. draining: it "
            "is deleted, and its last readings are processed. closing: its queue is being deleted."
        ),
    ]
    pattern: str
    partition: int
    queue: str

    @classmethod
    def shown(cls, kept: KeptSource) -> Self:
        """Return a source as clients see it."""
        source = kept.source
        return cls(
            name=kept.name,
            filter=source.filter,
            prefix=source.prefix,
            case=source.case,
            rename=source.rename,
            profile=source.profile,
            settings=source.settings,
            state=kept.state,
            pattern=pattern_of(source),
            partition=kept.partition,
            queue=readings_queue(kept.partition),
        )


class SourceSummaries(Struct):
    """All sources, sorted by name."""

    sources: list[SourceDetails]


class SourceRemoval(Struct):
    """What a deleted source still waits for.

    No new readings come in. If `done` is false, `readings` wait in its queues, or `consumers` still hold
    them, and the API deletes the queues when the workers have processed all.
    """

    name: str
    done: bool
    readings: int
    consumers: int

    @classmethod
    def shown(cls, removal: Removal) -> Self:
        """Return a removal as clients see it."""
        waiting = removal.waiting
        return cls(removal.source.name, removal.done, waiting.readings, waiting.consumers)


class Topic(Struct):
    """A topic to try."""

    topic: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=255,
            description="An MQTT topic or an AMQP routing key.",
            examples=["tele/press-7/SENSOR"],
        ),
    ]


class TriedTopic(Struct):
    """What becomes of a reading with a topic.

    `machine` is null if the topic names none. `source` is null for `machines/<id>/data`, and if nothing reads
    the topic. `message` says in words what happens.
    """

    topic: str
    key: Annotated[str, Meta(description="The routing key that RabbitMQ makes from the topic.")]
    machine: str | None
    source: str | None
    message: str
