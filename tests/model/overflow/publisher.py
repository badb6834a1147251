"""Publishers, and the overflow that accepts or refuses their messages.

A quorum queue refuses messages while it is full. A publisher has its answers some time later.
"""

from collections.abc import Iterator

from tests.model.overflow.rules import Rules
from tests.model.overflow.session import end
from tests.model.overflow.world import Bounds, Copy, State, Stream, spent
from tests.model.world import Label

Step = tuple[Label, State]


def submit(state: State, moves: tuple[Copy, ...], rules: Rules) -> State:
    """Start an attempt to move readings."""
    stream = Stream(moves, _at_once(moves, rules), is_awaited=rules.confirms_first)
    return state._replace(streams=(*state.streams, stream))


def _at_once(messages: tuple[Copy, ...], rules: Rules) -> tuple[Copy, ...]:
    return messages[:1] if rules.first_alone else messages


def _others(state: State, stream: Stream, *instead: Stream) -> State:
    """Return the state with other streams in place of this one."""
    rest = list(state.streams)
    rest.remove(stream)
    return state._replace(streams=(*rest, *instead))


def _arrive(state: State, stream: Stream, *, accepted: bool) -> State:
    """Let the next message of a stream reach the overflow."""
    copy, *rest = stream.flight
    if stream.messages:
        after = [stream._replace(flight=tuple(rest), answers=(*stream.answers, accepted))]
    else:
        after = [stream._replace(flight=tuple(rest))] if rest else []
    state = _others(state, stream, *after)
    return state._replace(ready=(*state.ready, copy)) if accepted else state


def _answered(state: State, stream: Stream, rules: Rules) -> Step:
    """Let a publisher have the answers to all messages that it published last."""
    accepted = stream.answers
    if all(accepted):
        rest = stream.messages[len(accepted) :]
        flight = rest
    else:
        first = accepted.index(False)
        if rules.fails_if_broken and any(accepted[first:]):
            gone = _others(state, stream)
            return ("broken", stream.messages[0].reading), end(gone, rules) if stream.is_awaited else gone
        rest = stream.messages[first if rules.resends_first else first + 1 :]
        flight = _at_once(rest, rules)
    if rest:
        again = stream._replace(messages=rest, flight=flight, answers=())
        return ("answered", rest[0].reading), _others(state, stream, again)
    state = _others(state, stream)
    if stream.is_awaited and not any(each.is_awaited for each in state.streams):
        session = state.session
        state = state._replace(session=session._replace(done=session.moving, moving=0))
    return ("arrived",), state


def _lost(state: State, stream: Stream, rules: Rules) -> State:
    """Let a publisher lose its connection: what is on its way arrives later, or never."""
    left = [Stream((), stream.flight, is_awaited=False)] if stream.flight else []
    if rules.fails_if_lost:
        state = _others(state, stream, *left)
        return end(state, rules) if stream.is_awaited else state
    again = stream._replace(flight=_at_once(stream.messages, rules), answers=())
    return _others(state, stream, again, *left)


def steps(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Yield the next steps of publishers and of the overflow."""
    for stream in dict.fromkeys(state.streams):
        if stream.flight:
            accepted = len(state.ready) < bounds.room
            what = "arrives" if accepted else "is refused"
            copy = stream.flight[0]
            yield (what, copy.reading, copy.place), _arrive(state, stream, accepted=accepted)
            alone = len(stream.flight) == 1 and not stream.answers
            if accepted and alone and (fault := spent(state, "refusals")):
                yield ("has no leader", copy.reading), _arrive(fault, stream, accepted=False)
        elif stream.answers:
            yield _answered(state, stream, rules)
        if stream.messages and (fault := spent(state, "losses")):
            yield ("lose", stream.messages[0].reading), _lost(fault, stream, rules)
    if state.ready:
        copy, *rest = state.ready
        if len(state.checked_out) < bounds.prefetch:
            delivered = state._replace(ready=tuple(rest), checked_out=(*state.checked_out, copy))
            yield ("deliver", copy.reading, copy.place), delivered
        if fault := spent(state, "expiries"):
            expired = tuple(sorted({*state.expired, copy.reading}))
            yield ("expire", copy.reading), fault._replace(ready=tuple(rest), expired=expired)
