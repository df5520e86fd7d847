"""Show a figure once, with the words that stand for it where it cannot be seen."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["drawn", "show"]

SVG_LIMIT = 400_000  # bytes: beyond it a drawing is heavier than its picture


def show(figure: Any, *, alt: str) -> None:
    """Display a figure once, as a drawing (SVG) and as a picture (PNG), with its alt text.

    Parameters
    ----------
    figure
        A matplotlib figure, axes, array of axes, or a seaborn grid. It is closed afterwards, so that the notebook does
        not show it a second time.
    alt
        What the figure shows, in one or two sentences, for readers who cannot see it.

    Raises
    ------
    ValueError
        If `alt` is empty.
    TypeError
        If `figure` is nothing that can be drawn.
    """
    _display(*drawn(figure, alt=alt))


def drawn(figure: Any, *, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A figure as notebooks hold it: kind -> content, kind -> metadata; it is closed afterwards.

    Parameters
    ----------
    figure, alt
        As in `show`.

    Raises
    ------
    ValueError, TypeError
        As `show` does.
    """
    if not alt.strip():
        raise ValueError("show(alt=''): say in a sentence what the figure shows, for readers who cannot see it")
    found = _figure(figure)
    picture, drawing = _png(found), _svg(found)
    _close(found)
    bundle: dict[str, Any] = {"image/png": picture, "text/plain": f"<figure: {alt}>"}
    if len(drawing) <= SVG_LIMIT:
        bundle["image/svg+xml"] = drawing
    width = round(found.get_size_inches()[0] * 100)
    metadata = {"image/png": {"alt": alt, "width": width}, "image/svg+xml": {"alt": alt}}
    return bundle, {kind: values for kind, values in metadata.items() if kind in bundle}


def _figure(figure: Any) -> Figure:
    """Figure behind a figure, axes, array of axes or seaborn grid."""
    from matplotlib.figure import Figure

    candidate = figure.flat[0] if hasattr(figure, "flat") else figure
    for found in (candidate, getattr(candidate, "figure", None), getattr(candidate, "fig", None)):
        if isinstance(found, Figure):
            return found
    raise TypeError(f"show() got a {type(figure).__name__}; give it a matplotlib figure, its axes, or a seaborn grid")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _svg(figure: Figure) -> str:
    """Drawing without date, document type or library address: the same figure gives the same text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    return text[text.index("<svg") :]


def _close(figure: Figure) -> None:
    from matplotlib import pyplot as plt

    plt.close(figure)


def _display(bundle: dict[str, Any], metadata: dict[str, Any]) -> None:
    import base64

    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if get_ipython() is not None:
        bundle["image/png"] = base64.b64encode(bundle["image/png"]).decode("ascii")
        display(bundle, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]
