"""Where AIMET's own pages describe a rule's guideline."""

from __future__ import annotations

_GUIDELINES = "https://quic.github.io/aimet-pages/releases/latest/techniques/torch/model_guidelines.html"
# The page about cross-layer equalization stands in the documentation of AIMET 1.x only.
_EQUALIZATION = "https://quic.github.io/aimet-pages/releases/1.35.1/user_guide/model_guidelines.html"


def doc_url(code: str) -> str | None:
    """AIMET's page for the guideline behind `code`; None for the tool's own rules (0xx)."""
    band = code[len("AIMET") :][:1]
    if band == "0":
        return None
    return _EQUALIZATION if band == "2" else _GUIDELINES
