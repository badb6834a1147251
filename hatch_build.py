"""What hatchling does before it builds: it refuses where the pages are not built, which git does not have."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PagesHook(BuildHookInterface[Any]):
    """Without it a wheel without pages would be made, and nobody told until somebody opens `/`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling names them
        """Raise `FileNotFoundError` where the pages are missing. `make install` does without them."""
        if (
            version != "editable"
            and not (Path(self.root) / "web" / "pages" / "built" / "index.html").is_file()
        ):
            raise FileNotFoundError("The pages in web/pages are not built. Build them first: make pages")
