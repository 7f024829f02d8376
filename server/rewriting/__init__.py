"""Carries out repairs: statements in, new text and minimal edits out. Import cost is a few standard modules."""

from .edits import apply_edits, minimal_edits
from .imports import ImportLine, Imports
from .placement import import_edit
from .rewrite import Rewritten, rewrite

__all__ = ["ImportLine", "Imports", "Rewritten", "apply_edits", "import_edit", "minimal_edits", "rewrite"]
