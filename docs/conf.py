"""How `make docs` builds the documentation. What it may not do: know anything that the package itself can say."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

project = "realtime"
author = "The realtime authors"
project_copyright = "The realtime authors"
html_title = "realtime"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "described"]
exclude_patterns = ["_build", "requirements.txt"]

myst_enable_extensions = ["colon_fence", "deflist", "html_image"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

highlight_language = "text"
pygments_style = "friendly"
pygments_dark_style = "native"
html_theme = "furo"
html_static_path = ["_static"]
html_show_sphinx = False
html_copy_source = False
