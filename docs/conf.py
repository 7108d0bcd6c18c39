"""How the documentation is built: ``uv run sphinx-build -W docs docs/_build``."""

import re
from typing import Any

from bayes_onoff import __version__, inference

# What samples is imported when it is asked for, and Sphinx does not ask.
for _name in inference.__all__:
    setattr(inference, _name, getattr(inference, _name))

project = "bayes_onoff"
author = "the bayes_onoff developers"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "notebooks/README.md"]
html_theme = "furo"
html_title = f"bayes_onoff {version}"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # the outputs are stored in the notebooks

autodoc_typehints = "none"
numpydoc_show_class_members = False


def _github_mathematics(app: Any, docname: str, source: list[str]) -> None:
    """Read mathematics as GitHub writes it."""
    del app, docname
    inline = re.sub(r"\$`(.+?)`\$", r"{math}`\1`", source[0])
    source[0] = inline.replace("```math\n", "```{math}\n")


def setup(app: Any) -> None:
    """Tell Sphinx what to do with every page."""
    app.connect("source-read", _github_mathematics)
