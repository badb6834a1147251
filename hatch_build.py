"""A hook of the build: hatchling refuses to build if the pages, which are not in git, are not built yet."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PagesHook(BuildHookInterface[Any]):
    """Prevents a wheel without pages, which a user would notice only when opening `/`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling chooses the arguments
        """Raise `FileNotFoundError` if the pages are missing. `make install` does not need them."""
        if (
            version != "editable"
            and not (Path(self.root) / "web" / "pages" / "built" / "index.html").is_file()
        ):
            raise FileNotFoundError("The pages in web/pages are not built. Build them first: make pages")
