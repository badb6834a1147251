"""The owner of a route's logic, a machine or a profile, and the precondition of a change to the logic."""

from typing import Any, NamedTuple

from litestar import Response
from litestar.exceptions import NotFoundException

from pipeline import clock
from pipeline.model.deployment import Active
from pipeline.store.audit import Audit
from pipeline.store.configs import ConfigStore
from pipeline.store.keys import OwnerKind
from pipeline.store.versions import LogicStore, Version
from pipeline.trials.examples import decoded
from web.http.etag import check_tag
from web.schemas.logic import Accepted, WholeVersion
from web.services import Services


class Owner(NamedTuple):
    """The owner of a route's logic, and the store of its versions."""

    services: Services
    kind: OwnerKind
    name: str

    @property
    def logics(self) -> LogicStore:
        """The store of its versions."""
        return self.services.logics if self.kind == "machine" else self.services.profile_logics

    @property
    def configs(self) -> ConfigStore:
        """The store of its config."""
        return self.services.configs if self.kind == "machine" else self.services.profile_configs

    @property
    def named(self) -> dict[str, str]:
        """Its name, by its kind."""
        return {self.kind: self.name}

    def lacks(self, what: str) -> NotFoundException:
        """Return the error for an owner that has no `what`."""
        return NotFoundException(detail=f"The {self.kind} {self.name!r} has no {what}.")

    def whole(self, number: int) -> WholeVersion:
        """Return one of its versions. Raises the error to answer with."""
        version = self.logics.version(self.name, number)
        if version is None:
            raise self.lacks(f"version {number} of its logic")
        logic = self.logics.source(version.digest)
        examples = decoded(self.logics.examples(version))
        active = self.logics.deployment(self.name).active
        return WholeVersion(**self.shown(number, version, active), logic=logic, examples=examples)

    def shown(self, number: int, version: Version, active: Active | None) -> dict[str, Any]:
        """Return the fields of a version. `active` is the deployed one."""
        return {
            **self.named,
            "version": number,
            "digest": version.digest,
            "time": clock.utc(version.time),
            "author": version.author,
            "comment": version.comment,
            "in_force": active is not None and active.version == number,
        }

    def accepted(self, active: Active, status: int) -> Response[Accepted]:
        """Return the answer to a client that has deployed a version."""
        accepted = Accepted(**self.named, version=active.version, digest=active.digest)
        return Response(accepted, status_code=status, headers={"ETag": tag_of(active)})


class Comparison:
    """Compares the deployed logic with the precondition, atomically with the change, and remembers it."""

    def __init__(self, if_match: str | None, if_none_match: str | None = None) -> None:
        self._if_match, self._if_none_match = if_match, if_none_match
        self._before: Active | None = None

    def __call__(self, active: Active | None) -> None:
        """Compare. Raises the error to answer with."""
        self._before = active
        tag = tag_of(active) if active else None
        check_tag("deployed logic", tag, self._if_match, self._if_none_match)

    def record(self, audit: Audit, action: str, owner: Owner, after: Active | None) -> None:
        """Record the change in the audit trail, if there was one."""
        before = self._before
        if before == after:
            return
        machine = owner.name if owner.kind == "machine" else None
        audit.record(
            action if machine else f"profile.{action}",
            owner.name,
            machine=machine,
            before=before.version if before else None,
            after=after.version if after else None,
        )
        if machine is None:
            owner.services.profiles.refresh(owner.name)


def tag_of(active: Active) -> str:
    """Return the entity tag of the deployed logic."""
    return f'"{active.version}-{active.digest}"'
