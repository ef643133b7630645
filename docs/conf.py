"""The documentation site. ``make docs`` builds it into out/docs/html without the network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("MPLBACKEND", "agg")

import kronmix  # noqa: E402  (once its folder can be found)

project = "kronmix"
author = "The kronmix authors"
copyright = author
release = version = kronmix.__version__
language = "en"

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "docs.extensions.access",
    "docs.extensions.blocks",
    "docs.extensions.docstrings",
    "docs.extensions.generated",
    "docs.extensions.mathml",
    "docs.extensions.pictures",
    "docs.extensions.theorem_links",
]
exclude_patterns = [
    "gallery",
    "extensions",
    "course/student",
    "**/GALLERY_HEADER.rst",
    "auto_gallery/*.ipynb",
    "sg_execution_times.rst",
]

# Pages
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "substitution"]
myst_substitutions = {"version": version}
myst_heading_anchors = 3
nb_execution_mode = "off"  # the notebooks hold their outputs: make notebooks
nb_code_prompt_show = "Show the solution"
nb_code_prompt_hide = "Hide the solution"

# Interface
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings give types with shapes
autosummary_generate = False
numpydoc_show_class_members = False
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

# Gallery
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "capture_repr": (),
    "download_all_examples": False,
    "image_scrapers": ("docs.extensions.pictures.described",),
    "min_reported_time": 1e9,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "within_subsection_order": "FileNameSortKey",
    "write_computation_times": False,
}

# Look
html_theme = "furo"
html_title = f"kronmix {version}"
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["kronmix.css"]
html_js_files = ["scrolling.js"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#2f5f9e", "color-brand-content": "#2f5f9e"},
    "dark_css_variables": {"color-brand-primary": "#8fb8ee", "color-brand-content": "#8fb8ee"},
}
copybutton_prompt_text = r">>> |\.\.\. |\.\.\.$|\$ "  # three dots alone end a compound statement
copybutton_prompt_is_regexp = True
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
