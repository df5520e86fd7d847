"""The drawings behind item thumbnails: 16 x 16 glyphs of garments, emblems for other domains, frames around them."""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["EMBLEMS", "FINE", "SIDE", "frame", "glyph_names", "soft_masks"]

SIDE = 16  # pixels of a thumbnail's side
FINE = 4  # grid points a pixel in the soft masks

EMBLEMS = ("star", "moon", "heart", "bolt", "drop", "leaf", "mountain", "cup", "note", "wave", "record", "film")
_DRAWN_AS = {  # categories without a glyph of their name
    "jazz": "moon", "folk": "leaf", "electronic": "wave", "hip-hop": "record", "classical": "note", "rock": "bolt",
    "soul": "heart", "pop": "star", "documentary": "film", "comedy": "star", "thriller": "moon", "cooking": "leaf",
    "travel": "mountain", "sports": "cup", "science": "drop", "animation": "heart",
}  # fmt: skip
_SHEET = """
shirts           dresses          knitwear         coats            shoes
................ ................ ................ ................ ................
....###..###.... .....##..##..... .....oooooo..... .....##oo##..... ................
...####oo####... .....##..##..... ...##########... ...###oooo###... ................
..#####oo#####.. .....######..... ..############.. ..####.oo.####.. .###............
.######oo######. .....######..... .##############. ..#####oo#####.. .####...........
.######oo######. ......####...... .##############. ..#####oo#####.. .####...........
.##.###oo###.##. ......oooo...... .##oooooooooo##. ..##.##oo##.##.. .#####.#........
....###oo###.... ......####...... .##.########.##. ..##.##oo##.##.. .######o#.......
....########.... .....######..... .##oooooooooo##. ..##.######.##.. .#######o##.....
....###oo###.... ....########.... .##.########.##. ..##oooooooo##.. .########o####..
....########.... ....########.... .##.########.##. ..##.##oo##.##.. .##############.
....###oo###.... ...##########... .oo.########.oo. ....###oo###.... .##############.
....########.... ...##########... ....########.... ....###oo###.... .oooooooooooooo.
....########.... ..############.. ....oooooooo.... ....###oo###.... .oooooooooooooo.
................ ..oooooooooooo.. ................ ....###oo###.... ................
................ ................ ................ ................ ................
bags             jewellery        home             record           note
................ ................ ................ ................ ................
.....oooooo..... ......oooo...... .....######..... .....######..... ......oooooooo..
....oo....oo.... .....oooooo..... ....########.... ...##########... ......oooooooo..
....o......o.... ......oooo...... ....########.... ..############.. ......##....##..
...oo......oo... .......oo....... ...##########... ..############.. ......##....##..
..############.. .....######..... ...##########... .######oo######. ......##....##..
..############.. ....##....##.... ..############.. .#####oooo#####. ......##....##..
..############.. ...##......##... .......oo....... .####oooooo####. ......##....##..
..#####oo#####.. ...#........#... .......oo....... .####oooooo####. ......##....##..
..oooooooooooo.. ...#........#... .......oo....... .#####oooo#####. ...#####..####..
..#####oo#####.. ...#........#... ......oooo...... .######oo######. ..######.#####..
..############.. ...##......##... .....oooooo..... ..############.. ..######.#####..
..############.. ....##....##.... ....oooooooo.... ..############.. ..#####..####...
..############.. .....######..... ....oooooooo.... ...##########... ...###....##....
................ ................ ................ .....######..... ................
................ ................ ................ ................ ................
wave             film             star             heart            mountain
................ oooooooooooooooo ................ ................ ................
................ o.oo.oo.oo.oo.oo .......##....... ................ ...........oo...
.......##....... oooooooooooooooo .......##....... ...####..####... ..........oooo..
.......##....... ................ ......####...... ..######o#####.. ..........oooo..
....#..##....... .....##......... ......####...... .######oo######. .....##....oo...
....#..##..#.... .....####....... .##############. .#####ooo######. ....####........
.o..#..##..#..o. .....######..... ..############.. .##############. ....#oo#........
.o..#..##..#..o. .....########... ....###oo###.... .##############. ...##oo##..#....
.o..#..##..#..o. .....########... ....##oooo##.... ..############.. ...######.###...
.o..#..##..#..o. .....######..... ....###oo###.... ...##########... ..###########...
....#..##..#.... .....####....... ...##########... ....########.... ..############..
....#..##....... .....##......... ...####..####... .....######..... .##############.
.......##....... ................ ..###......###.. ......####...... .##############.
.......##....... oooooooooooooooo ..#..........#.. .......##....... .##############.
................ o.oo.oo.oo.oo.oo ................ ................ ................
................ oooooooooooooooo ................ ................ ................
drop             leaf             moon             bolt             cup
................ ................ ................ ................ ................
.......##....... ...........###.. .....####....... ........####.... ..############..
.......##....... ........#####... ....###......... .......####..... ..##oooooooo##..
......####...... ......#####o#... ...###......o... ......####...... ..##oooooooo##..
......####...... .....#####o##... ..###......ooo.. .....####....... ..############..
.....######..... ....#####o###... ..###.......o... ....########.... ...##########...
....########.... ....####o####... ..###........... ....#######..... ....########....
....########.... ....###o####.... ..####.......... .......###...... .....######.....
...##########... ....##o#####.... ..####.......... ......###....... ......####......
...##o#######... ....#o#####..... ..#####.....#... .....###....oo.. .......##.......
...##o#######... ....o####....... ...##########... ....###.....oo.. .......##.......
...##oo######... ...o............ ....########.... ....##.......... .......##.......
....##oo####.... ..o............. .....######..... ...#............ .....oooooo.....
.....######..... .o.............. ................ ................ ....oooooooo....
................ ................ ................ ................ ................
................ ................ ................ ................ ................
"""  # "#" is the body, "o" the accent


@lru_cache(maxsize=1)
def _glyphs() -> dict[str, tuple[str, ...]]:
    """Name -> 16 rows of 16 characters, cut from the sheet."""
    lines = _SHEET.strip("\n").split("\n")
    found: dict[str, tuple[str, ...]] = {}
    for top in range(0, len(lines), SIDE + 1):
        names, rows = lines[top].split(), [line.split() for line in lines[top + 1 : top + 1 + SIDE]]
        found |= {name: tuple(row[place] for row in rows) for place, name in enumerate(names)}
    return found


def glyph_names(categories: tuple[str, ...]) -> tuple[str, ...]:
    """Glyph of each category: the one drawn for that name, else emblems not yet taken, in their order."""
    known = [_DRAWN_AS.get(name, name) for name in categories]
    free = itertools.cycle([name for name in EMBLEMS if name not in known] or EMBLEMS)
    return tuple(name if name in _glyphs() else next(free) for name in known)


@lru_cache(maxsize=8)
def soft_masks(names: tuple[str, ...], sizes: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """Coverage of body, accent and shadow by each pixel at each size, shape (glyphs, sizes, 3, 16, 16), in [0, 1]."""
    drawn = np.array([[list(row) for row in _glyphs()[name]] for name in names])
    body, accent = drawn != ".", drawn == "o"
    layers = np.stack([body, accent, _spread(body)], axis=1).astype(np.float32)
    fine = layers.repeat(FINE, axis=2).repeat(FINE, axis=3)
    shifts = range(-FINE // 2 + 1, FINE // 2 + 1)
    rolled = [np.roll(fine, (y, x), axis=(2, 3)) for y in shifts for x in shifts]
    soft = np.asarray(np.mean(rolled, axis=0), dtype=np.float32)
    soft[:, :, [0, -1], :] = soft[:, :, :, [0, -1]] = 0.0  # what lies beyond the drawing repeats its edge
    centres = np.arange(SIDE) + 0.5 - SIDE / 2
    at = [np.clip((FINE * (centres / size + SIDE / 2)).astype(int), 0, FINE * SIDE - 1) for size in sizes]
    return np.stack([soft[:, :, rows[:, None], rows[None, :]] for rows in at], axis=1)


def frame(kind: str) -> npt.NDArray[np.float32]:
    """What surrounds an emblem, as darkness of each pixel in [0, 1], shape (16, 16): a film's edge, or a record's."""
    dark = np.zeros((SIDE, SIDE), dtype=np.float32)
    if kind == "film":
        dark[[0, 1, -2, -1]] = 1.0
        dark[np.ix_([0, 1, -2, -1], range(1, SIDE, 4))] = 0.3
    if kind == "record":
        y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
        dark[:, -2:] = (np.hypot(x - 1.5, y) < SIDE / 2 - 1)[:, -2:]
    return dark


def _spread(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """A mask grown by one pixel to the right and below: where its shadow falls."""
    grown = mask.copy()
    grown[:, 1:, :] |= mask[:, :-1, :]
    grown[:, :, 1:] |= mask[:, :, :-1]
    return grown
