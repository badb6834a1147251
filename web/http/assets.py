"""The built pages (`web/pages`): files that are ready to send, plain and compressed."""

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Final

#: The media type of each kind of file.
_MEDIA_TYPES: Final = {
    "html": "text/html",
    "js": "text/javascript",
    "css": "text/css",
    "svg": "image/svg+xml",
}

#: Bytes of an entity tag's digest.
_TAG_BYTES: Final = 16


@dataclass(frozen=True)
class BuiltFile:
    """One file. Its entity tag is weak because it identifies both forms of the file, plain and compressed."""

    content: bytes
    compressed: bytes
    media_type: str
    tag: str


@cache
def built_pages() -> dict[str, BuiltFile]:
    """Return all files by name: `index.html`, and those below `/pages/`. Empty if the pages are not built.

    The files are read once per process. If the pages are built again, a running process keeps its files.
    """
    folder = files("web") / "pages" / "built"
    index, assets = folder / "index.html", folder / "pages"
    if not index.is_file():
        return {}
    found = [index, *sorted(assets.iterdir(), key=lambda each: each.name)]
    return {each.name: _built(each.name, each.read_bytes()) for each in found}


def _built(name: str, content: bytes) -> BuiltFile:
    # Without a timestamp, so that every process sends the same bytes.
    compressed = gzip.compress(content, mtime=0)
    digest = blake2b(content, digest_size=_TAG_BYTES).hexdigest()
    return BuiltFile(content, compressed, _MEDIA_TYPES[name.rpartition(".")[2]], f'W/"{digest}"')
