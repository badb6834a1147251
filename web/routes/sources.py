"""The routes of sources: which topics are readings, besides `machines/<id>/data`, and of which machine."""

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, HTTPException, NotFoundException
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from pipeline.broker.unknown_topic import advice
from pipeline.errors import BrokerUnavailable
from pipeline.model.source_presets import PRESETS, SourcePreset
from pipeline.model.topic_source import checked, key_of, rules_of
from pipeline.plant.topic_sources import match
from pipeline.store.audit import Audit
from pipeline.store.topic_sources import KeptSource
from pipeline.wire import is_machine_id, machine_of
from web.access.roles import Role, access
from web.http.etag import IfMatch, IfNoneMatch, check_tag
from web.schemas.source import NewSource, SourceDetails, SourceRemoval, SourceSummaries, Topic, TriedTopic
from web.services import Services


class SourcePresetList(Struct):
    """The presets for common devices."""

    presets: list[SourcePreset]


class SourcePresetsController(Controller):
    """`/source-presets`."""

    path = "/source-presets"

    @get(sync_to_thread=False, **access(Role.VIEWER))
    def list_source_presets(self) -> SourcePresetList:
        """List the presets: the sources of common devices and gateways with their default topics."""
        return SourcePresetList(list(PRESETS))


class SourcesController(Controller):
    """`/sources` and the paths below it."""

    path = "/sources"

    @get(sync_to_thread=True, **access(Role.VIEWER))
    def list_sources(self, services: NamedDependency[Services]) -> SourceSummaries:
        """List all sources, sorted by name."""
        return SourceSummaries(
            [SourceDetails.shown(each) for each in services.topic_sources.list().sources.values()]
        )

    @get("/{name:str}", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_source(self, services: NamedDependency[Services], name: FromPath[str]) -> Response[SourceDetails]:
        """Return a source."""
        kept = _kept(services, _checked(name))
        if kept is None:
            raise _unknown(name)
        return _tagged(kept)

    @put("/{name:str}", sync_to_thread=True, **access(Role.AUTHOR, 409, 412, 413, 422))
    def put_source(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        name: FromPath[str],
        data: JSONBody[NewSource],
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response[SourceDetails]:
        """Create or replace a source.

        Readings with a matching topic are processed from then on. The API answers 409 if another source can
        match the same topic. New rules for ids apply after the readings that workers have already received.
        """
        before, source = _kept(services, _checked(name)), data.within(services.settings.limits)
        check_tag("source", _tag(before), if_match, if_none_match)
        if data.profile is not None and not services.profiles.read([data.profile]):
            raise HTTPException(
                status_code=422, detail=f"There is no profile {data.profile!r}. Create it first."
            )
        is_conditional = if_match is not None or if_none_match is not None
        revision = (before.revision if before else 0) if is_conditional else None
        kept = before
        try:
            kept, _ = services.sources.put(name, source, revision)
        except BrokerUnavailable as e:
            # If the source is stored, the API completes the change when RabbitMQ is available again.
            now = _kept(services, name)
            if now is None or now.source != checked(source) or _tag(now) == _tag(before):
                raise
            kept = now
            raise _later("change", e) from e
        finally:
            if kept is not None and _tag(kept) != _tag(before):
                audit.record("source.put", name, before=_shown(before), after=_shown(kept))
        return _tagged(kept)

    @delete("/{name:str}", status_code=200, sync_to_thread=True, **access(Role.AUTHOR, 404, 412))
    def delete_source(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        name: FromPath[str],
        if_match: IfMatch = None,
    ) -> SourceRemoval:
        """Delete a source, after its last readings are processed.

        No new readings come in from then on. The API waits some seconds for the workers, and answers what it
        still waits for. It completes the deletion later; you can repeat the request to follow it.
        """
        before = _kept(services, _checked(name))
        check_tag("source", _tag(before), if_match)
        revision = before.revision if before and if_match is not None else None
        is_deleted = False
        try:
            removal = services.sources.delete(name, revision)
            if removal is None:
                raise _unknown(name)
            is_deleted = True
        except BrokerUnavailable as e:
            now = _kept(services, name)
            if is_deleted := now is None or now.is_deleted:
                raise _later("deletion", e) from e
            raise
        finally:
            if is_deleted and before is not None and not before.is_deleted:
                audit.record("source.delete", name, before=_shown(before))
        return SourceRemoval.shown(removal)

    @post("/try", status_code=200, sync_to_thread=True, **access(Role.VIEWER, 413, changes=False))
    def try_topic(self, services: NamedDependency[Services], data: JSONBody[Topic]) -> TriedTopic:
        """Return which source and which machine a topic belongs to. Nothing is sent."""
        return tried(data.topic, list(services.topic_sources.list().sources.values()))


def tried(topic: str, sources: list[KeptSource]) -> TriedTopic:
    """Return what becomes of a reading with this topic."""
    key = key_of(topic)
    if any(wildcard in key for wildcard in "+#*"):
        raise ClientException(detail="A topic that a device publishes to has no +, # or *.")
    if (machine := machine_of(key)) is not None:
        return TriedTopic(topic, key, machine, None, f"It is a reading of the machine {machine}.")
    if (kept := match(sources, key)) is None:
        said = advice(key) if key.lstrip(".").split(".")[0] == "machines" else "No source reads this topic."
        return TriedTopic(topic, key, None, None, said)
    machine = rules_of(kept.source).machine_of(key)
    if machine is None:
        said = f"The source {kept.name} reads it, but it names no valid machine id: it becomes a dead letter."
    else:
        said = f"It is a reading of the machine {machine}, by the source {kept.name}."
    return TriedTopic(topic, key, machine, kept.name, said)


def _kept(services: Services, name: str) -> KeptSource | None:
    return services.topic_sources.list().sources.get(name)


def _checked(name: str) -> str:
    if not is_machine_id(name):
        raise ClientException(
            detail=f"{name!r} is not a valid name of a source. Use 1 to 128 letters, digits, _ or -."
        )
    return name


def _tag(kept: KeptSource | None) -> str | None:
    return None if kept is None else f'"{kept.partition}-{kept.revision}"'


def _tagged(kept: KeptSource) -> Response[SourceDetails]:
    tag = _tag(kept)
    assert tag is not None
    return Response(SourceDetails.shown(kept), headers={"ETag": tag})


def _shown(kept: KeptSource | None) -> dict[str, str | int] | None:
    """Return a source as the audit trail shows it, with the number of renamed devices."""
    if kept is None:
        return None
    source, shown = kept.source, dict[str, str | int](filter=kept.source.filter)
    if source.prefix:
        shown["prefix"] = source.prefix
    if source.case != "keep":
        shown["case"] = source.case
    if source.rename:
        shown["renamed"] = len(source.rename)
    if source.profile is not None:
        shown["profile"] = source.profile
    return shown


def _later(what: str, error: BrokerUnavailable) -> HTTPException:
    """Return the error of a change that is stored, and that the API completes later."""
    detail = f"The {what} is stored, and the API completes it when RabbitMQ is available again. {error}."
    return HTTPException(status_code=503, detail=detail)


def _unknown(name: str) -> NotFoundException:
    return NotFoundException(detail=f"There is no source {name!r}.")
