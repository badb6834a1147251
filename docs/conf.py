"""The configuration of Sphinx, which builds the site (`make docs`). The site works offline."""

from importlib.metadata import version as installed_version

from sphinx.application import Sphinx

from docs.reference import filled

project = "IoT Logic Processor"
copyright = "the IoT Logic Processor authors, Apache-2.0"
release = version = installed_version("iot-logic-processor")

extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
# Each file is a page; index.md names the sections.
exclude_patterns = ["reference"]
nitpicky = True
highlight_language = "none"

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False


def setup(app: Sphinx) -> None:
    """Fill the tables of each page when Sphinx reads it."""
    app.connect("source-read", _fill)


def _fill(_app: Sphinx, _name: str, source: list[str]) -> None:
    source[0] = filled(source[0])
