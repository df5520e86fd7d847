"""Text understanding and the sequence recommender: encoder, classifier, Transformer, debiasing, ranking metrics.

Torch and transformers are imported when a name that needs them is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalrec_lab.recommender.encoder import TextEncoder

_HOME = {
    "TextEncoder": "causalrec_lab.recommender.encoder",
}

__all__ = ["TextEncoder"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'causalrec_lab.recommender' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
