"""Pictures of the items, 16 x 16 pixels: what an item is and looks like can be seen, how well it is liked cannot.

The category chooses the glyph, the colour its title names is the colour of the body, and the item's own attributes (v_i
less its category's mean) move size, pattern and tints; a little noise stands for the camera. The hidden trait h_i is no
input, so a picture tells nothing of it, whatever the text dial.
"""

from __future__ import annotations

import colorsys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.world.people.population import Ints, Population, known_ids, stream
from causalrec_lab.world.writing.glyphs import SIDE, frame, glyph_names, soft_masks
from causalrec_lab.world.writing.text import own_attributes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from causalrec_lab.world.platform import Platform

__all__ = ["draw_thumbnails", "gallery"]

Pixels = npt.NDArray[np.float32]
NOISE = 0.02  # of every channel of every pixel, in [0, 1]
LOOKS = 6  # ways in which items of one category differ to the eye
SIZES = tuple(np.linspace(0.72, 1.0, 15).tolist())  # of a glyph, from the smallest look to the largest
_NAMED = {
    "navy": "203064", "ivory": "f2ead2", "charcoal": "46484e", "olive": "70763a", "rust": "b05028", "blush": "ecb0b0",
    "black": "242428", "sand": "d6be94", "cobalt": "1854be", "burgundy": "741c34", "warm": "d9824a", "hazy": "a9a3b8",
    "bright": "f0c419", "dark": "2b2b3a", "mellow": "8fae7a", "shimmering": "6fc3c8", "smoky": "6d6a70",
    "golden": "c99a2e", "icy": "bfe0f0", "velvet": "6b1f4f", "black-and-white": "50504f", "sunlit": "f2c14e",
    "neon": "e0218a", "pastel": "c7b4e2", "sepia": "8a6238", "moonlit": "3c5a8c", "grainy": "9a8f80",
    "saturated": "d62f2f", "misty": "b3c2c4", "candlelit": "e08e36",
}  # fmt: skip


def draw_thumbnails(population: Population, colour: Ints, seed: int) -> npt.NDArray[np.uint8]:
    """Draw every item.

    Parameters
    ----------
    population
        Whose items are drawn.
    colour
        Number of each item's colour word among `scenario.colours`, shape (n_items,).
    seed
        The population's seed.

    Returns
    -------
    (n_items, 16, 16, 3) uint8, red, green, blue; deterministic by seed.
    """
    scenario, category = population.scenario, population.category
    names = tuple(c.name for c in scenario.categories)
    looks = _looks(population, seed)
    body, accent, shadow = _layers(glyph_names(names), category, looks[:, 2])
    paper = _wheel(len(names), 0.14, 0.93)[category] + 0.06 * looks[:, :1] * np.array([1, 0, -1], dtype=np.float32)
    ink = _inks(scenario.colours)[colour] + 0.1 * looks[:, 5:]
    dark = (ink.mean(axis=1, keepdims=True) < 0.5).astype(np.float32)
    trim = 0.55 * ink + 0.45 * dark + 0.12 * looks[:, 1:2]
    image = paper[:, None, None, :] * (1.0 - 0.3 * shadow)
    image += body * (ink[:, None, None, :] * _pattern(looks[:, 3], looks[:, 4]) - image)
    image += accent * (trim[:, None, None, :] - image)
    image *= 1.0 - 0.85 * frame(scenario.frame)[:, :, None]
    image += NOISE * stream("thumbnails", seed).standard_normal(image.shape, dtype=np.float32)
    image *= 255.0
    return np.asarray(np.clip(image, 0, 255, out=image), dtype=np.uint8)


def gallery(platform: Platform, items: Sequence[int] | None = None, *, columns: int = 8) -> Figure:
    """Figure of items with their titles.

    Parameters
    ----------
    platform
        Whose items.
    items
        Item ids; by default the two most popular of each category.
    columns
        Pictures a row.

    Raises
    ------
    ValueError
        If an id is not the platform's, or there are no columns.
    """
    from matplotlib.figure import Figure

    if columns < 1:
        raise ValueError(f"columns={columns!r}: give at least one picture a row")
    table = platform.items
    if items is None:
        chosen = table.sort_values("popularity", ascending=False).groupby("category", sort=False).head(2)
        items = chosen.sort_values("category", kind="stable")["item_id"].tolist()
    shown = known_ids(pd.DataFrame({"item_id": list(items)}), "item_id", len(table))
    rows = -(-len(shown) // columns)
    fig = Figure(figsize=(1.25 * columns, 1.75 * rows), layout="constrained")
    for place, item in enumerate(shown):
        ax = fig.add_subplot(rows, columns, place + 1)
        ax.imshow(platform.thumbnails[item], interpolation="nearest")
        ax.set_title(textwrap.fill(table["title"].iloc[item], 17), fontsize=7, loc="left")
        ax.set_axis_off()
    return fig


def _looks(population: Population, seed: int) -> Pixels:
    """Looks of each item in [-1, 1], (n_items, 6): directions of its own attributes, orthogonal where they fit."""
    own = own_attributes(population)
    directions = stream("looks", seed).standard_normal((own.shape[1], LOOKS))
    if own.shape[1] >= LOOKS:
        directions = np.linalg.qr(directions)[0]
    seen = np.tanh(own @ (directions / np.linalg.norm(directions, axis=0)) / 1.5)
    return np.asarray(seen, dtype=np.float32)


def _layers(names: tuple[str, ...], category: Ints, look: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Coverage of body, accent and shadow, each (n_items, 16, 16, 1): the category's glyph in the size of a look."""
    size = np.rint((look + 1) / 2 * (len(SIZES) - 1)).astype(np.int64)
    body, accent, shadow = np.moveaxis(soft_masks(names, SIZES)[category, size], 1, 0)[..., None]
    return body, accent, shadow


def _pattern(stripes: Pixels, checks: Pixels) -> Pixels:
    """Brightness of each pixel of the body about 1, (n_items, 16, 16, 1): stripes across, and bars down."""
    wave = np.where(np.arange(SIDE) % 4 < 2, 1.0, -1.0).astype(np.float32)
    across = 0.11 * (1 + stripes)[:, None, None] * wave[None, :, None]
    down = 0.11 * (1 + checks)[:, None, None] * wave[None, None, :]
    return np.asarray(1.0 + across + down)[..., None]


def _inks(colours: Sequence[str]) -> Pixels:
    """Red, green, blue in [0, 1] of each colour word, (colours, 3); words of no known colour stand around the wheel."""
    inks = _wheel(len(colours), 0.65, 0.7)
    for place, word in enumerate(colours):
        if word in _NAMED:
            inks[place] = np.frombuffer(bytes.fromhex(_NAMED[word]), dtype=np.uint8) / np.float32(255)
    return inks


def _wheel(count: int, saturation: float, value: float) -> Pixels:
    """Colours at equal steps of hue, (count, 3)."""
    return np.array([colorsys.hsv_to_rgb(k / count, saturation, value) for k in range(count)], dtype=np.float32)
