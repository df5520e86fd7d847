import warnings
from typing import Any

import numpy as np
import pytest

from causalrec_lab.lab import figures, theme


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What would have been displayed, drawn without a screen and in the lab's theme."""
    import matplotlib as mpl

    calls: list[tuple[dict[str, Any], dict[str, Any]]] = []
    monkeypatch.setattr(figures, "_display", lambda bundle, metadata: calls.append((bundle, metadata)))
    mpl.use("agg")
    with mpl.rc_context():
        theme.use_theme()
        yield calls  # type: ignore[misc]


def draw() -> Any:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2)
    axes[0].plot([0, 1], [0, 1], label="估计")
    axes[0].set(title="因果效应 −1", xlabel="week")
    axes[0].legend()
    return figure, axes


def test_a_figure_is_shown_once_with_its_words(shown: list[Any]) -> None:
    from matplotlib import pyplot as plt

    figure, axes = draw()
    figures.show(axes, alt="a line")
    ((bundle, metadata),) = shown
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["image/svg+xml"].startswith("<svg")
    assert metadata["image/png"]["alt"] == metadata["image/svg+xml"]["alt"] == "a line"
    assert not plt.fignum_exists(figure.number)


def test_the_same_figure_gives_the_same_drawing(shown: list[Any]) -> None:
    for _ in range(2):
        figures.show(draw()[0], alt="a line")
    assert shown[0][0]["image/svg+xml"] == shown[1][0]["image/svg+xml"]
    assert "Date" not in shown[0][0]["image/svg+xml"]
    assert "<metadata>" not in shown[0][0]["image/svg+xml"]


def test_a_drawing_that_is_too_heavy_is_left_for_its_picture(shown: list[Any]) -> None:
    from matplotlib import pyplot as plt

    axes = plt.subplots()[1]
    rng = np.random.default_rng(0)
    axes.plot(*rng.normal(size=(2, 20_000)), "o")
    figures.show(axes, alt="a cloud")
    assert "image/svg+xml" not in shown[0][0]
    assert "image/svg+xml" not in shown[0][1]


def test_a_seaborn_grid_is_a_figure_too(shown: list[Any]) -> None:
    import pandas as pd
    import seaborn as sns

    figures.show(sns.displot(pd.DataFrame({"x": [1.0, 2.0, 2.5]}), x="x"), alt="a histogram")
    assert shown


def test_no_words_and_no_figure_are_refused(shown: list[Any]) -> None:
    with pytest.raises(ValueError, match="say in a sentence what the figure shows"):
        figures.show(draw()[0], alt=" ")
    with pytest.raises(TypeError, match="got a int; give it a matplotlib figure"):
        figures.show(3, alt="nothing")


def test_chinese_is_written_where_the_machine_has_a_font_for_it(shown: list[Any]) -> None:
    import matplotlib as mpl
    from matplotlib import font_manager

    if not set(mpl.rcParams["font.family"]) & {name for name in font_manager.get_font_names() if "CJK" in name}:
        pytest.skip("no CJK font is installed here")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures.show(draw()[0], alt="a line")
    assert len(shown) == 1


def brightness(colour: str) -> float:
    """Relative luminance (WCAG 2.1) of a colour in [0, 1]."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_text_and_lines_stand_out_from_the_paper() -> None:
    paper = brightness(theme.PAPER) + 0.05
    assert paper / (brightness(theme.INK) + 0.05) > 7
    assert paper / (brightness(theme.MUTED) + 0.05) > 4.5
    assert all(paper / (brightness(colour) + 0.05) > 1.9 for colour in theme.PALETTE)


def test_the_palette_differs_for_every_common_colour_vision() -> None:
    # Viénot, Brettel & Mollon (1999), linear-RGB matrices for protanopia and deuteranopia.
    protan = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
    deutan = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    colours = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in theme.PALETTE[:6]])
    for seen in (np.eye(3), protan, deutan):
        shades = (colours**2.2 @ seen.T).clip(0) ** (1 / 2.2)
        apart = np.linalg.norm(shades[:, None] - shades[None], axis=2)[np.triu_indices(len(shades), 1)]
        assert apart.min() > 0.1
