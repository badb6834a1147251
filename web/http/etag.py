"""Entity tags: they identify what a client has read, so that it can change exactly that (RFC 9110)."""

import re
from hashlib import blake2b
from typing import Annotated, Final

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.params import HeaderParameter

#: Bytes of an entity tag's digest.
_TAG_BYTES: Final = 16

#: One entity tag of an `If-Match` or `If-None-Match` (RFC 9110, section 8.8.3).
_ENTITY_TAG: Final = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')

#: The header of a request that changes a resource only if it still has the named version.
IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        description="Make the change only if the resource has this ETag; `*`: only if it exists.",
    ),
]

#: The header of a request that must not change an existing resource.
IfNoneMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-None-Match",
        description="Make the change only if the resource does not have this ETag; `*`: only if it does not "
        "exist.",
    ),
]


def check_tag(what: str, tag: str | None, if_match: str | None, if_none_match: str | None = None) -> None:
    """Check the request's preconditions against `tag`, the current entity tag (None: no resource).

    Compares as RFC 9110, sections 13.1.1 and 13.1.2, requires: strongly for `If-Match`, so a weak tag matches
    nothing. Raises the error to answer with (412) if the tag differs; `what` names the resource in the error.
    """
    if if_none_match is not None and tag is not None:
        named = [found.group().removeprefix("W/") for found in _ENTITY_TAG.finditer(if_none_match)]
        if if_none_match.strip() == "*" or tag in named:
            raise HTTPException(
                status_code=412,
                detail=f"The {what} exists and matches If-None-Match, so nothing was changed. Read it first.",
            )
    if if_match is None:
        return
    if if_match.strip() == "*":
        matches = tag is not None
    else:
        matches = tag in [found.group() for found in _ENTITY_TAG.finditer(if_match)]
    if not matches:
        raise HTTPException(
            status_code=412,
            detail=f"The {what} does not match If-Match: it has changed since you read it. Read it again, "
            "then repeat your change.",
        )


def tag_of(value: bytes) -> str:
    """Return the entity tag of a JSON value. It depends only on the value's bytes."""
    return f'"{blake2b(value, digest_size=_TAG_BYTES).hexdigest()}"'


def tagged(value: bytes) -> Response[msgspec.Raw]:
    """Return the response with a JSON value and its entity tag."""
    return Response(msgspec.Raw(value), media_type="application/json", headers={"ETag": tag_of(value)})
