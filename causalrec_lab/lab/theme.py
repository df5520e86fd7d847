"""One look for every figure: quiet axes, a colour-blind palette, type that also writes Chinese."""

from __future__ import annotations

import warnings
from typing import Any

__all__ = ["GRID", "INK", "MUTED", "PALETTE", "PAPER", "use_theme"]

# Okabe & Ito (2008), "Color Universal Design": distinguishable with every common colour vision; without the yellow
# and the black, which vanish on a light and on a dark page.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F86")
INK, MUTED, GRID, PAPER = "#1d2330", "#5d6677", "#e4e7ec", "#fefefe"  # each stands for one thing: pages recolour them

_SANS = (
    "Inter",
    "Source Sans 3",
    "Source Sans Pro",
    "Noto Sans",
    "Helvetica Neue",
    "Arial",
    "Liberation Sans",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "DejaVu Sans",
)


def use_theme() -> None:
    """Set the lab's look for every figure that follows (matplotlib, seaborn)."""
    import matplotlib as mpl

    for name, value in _settings(_installed(_SANS)).items():
        mpl.rcParams[name] = value  # type: ignore[index]
    warnings.filterwarnings("ignore", message="The figure layout has changed to tight")  # seaborn's grids lay out alone
    _sharp_in_notebooks()


def _installed(wanted: tuple[str, ...]) -> list[str]:
    """Those of `wanted` that this machine has: naming another makes matplotlib warn at every text."""
    from matplotlib import font_manager

    found = set(font_manager.get_font_names())
    return [name for name in wanted if name in found] or ["DejaVu Sans"]


def _settings(fonts: list[str]) -> dict[str, Any]:
    from cycler import cycler

    return {
        "figure.figsize": (6.8, 3.8),
        "figure.dpi": 110,
        "figure.facecolor": PAPER,
        "figure.constrained_layout.use": True,
        "figure.titlesize": 12.5,
        "figure.titleweight": "semibold",
        "savefig.dpi": 220,
        "savefig.facecolor": PAPER,
        "savefig.bbox": "tight",
        "svg.fonttype": "path",
        "svg.hashsalt": "causalrec_lab",
        "font.family": fonts,
        "font.size": 10,
        "text.color": INK,
        "axes.facecolor": PAPER,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.titlesize": 11.5,
        "axes.titleweight": "semibold",
        "axes.titlelocation": "left",
        "axes.titlepad": 10,
        "axes.labelsize": 10,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=PALETTE),
        "axes.unicode_minus": True,
        "axes.formatter.use_mathtext": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "xtick.major.size": 3,
        "ytick.major.size": 0,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.linewidth": 1.9,
        "lines.markersize": 5.5,
        "lines.solid_capstyle": "round",
        "patch.linewidth": 0.6,
        "patch.edgecolor": PAPER,
        "hist.bins": 30,
        "errorbar.capsize": 3,
        "image.cmap": "cividis",
        "boxplot.medianprops.color": INK,
    }


def _sharp_in_notebooks() -> None:
    """Ask the inline backend for double resolution, where a notebook is running."""
    from IPython.core.getipython import get_ipython

    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")  # type: ignore[no-untyped-call]
