"""Formulas open offline, and nothing but formulas comes through."""

from html.parser import HTMLParser
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab.lab.report.mathml import ELEMENTS, mathml

SHOWN_AS_SOURCE = {"code", "div"}
NAMES = st.sampled_from(
    ["\\text", "\\href", "\\style", "\\frac", "{", "}", "<script>", "</mtext>", "&", "<", "x", "^", "_", "$", "\\", "'"]
)


class Tags(HTMLParser):
    """Collect the tags, the attributes and the text of a fragment."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def letters(tex: str) -> str:
    return "".join("".join(Tree.fromstring(mathml(tex)).itertext()).split())


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\hat\tau = \frac{1}{n}\sum_{i=1}^n Y_i", "τ^=1n∑i=1nYi"),
        (r"Y(1) \perp\!\!\!\perp T \mid X", "Y(1)⟂⟂T∣X"),
        (r"\operatorname{E}[Y]", "E[Y]"),
        (r"\operatorname*{arg\,max}_a q(a)", "argmaxaq(a)"),
        (r"\mathbf{x} \sim \boldsymbol\beta", "𝐱∼𝜷"),
        (r"10{,}000 \text{ rows}", "10,000rows"),
        (r"P(y \mid \mathrm{do}(t))", "P(y∣do(t))"),
    ],
)
def test_a_formula_says_what_its_source_says(tex: str, text: str) -> None:
    assert letters(tex) == text


def test_bars_stretch_only_where_the_source_says_so() -> None:
    bar, wide = (
        Tree.fromstring(mathml(tex)).find(".//mo") for tex in (r"\lVert x\rVert", r"\left\|\frac{a}{b}\right\|")
    )
    assert bar is not None
    assert wide is not None
    assert (bar.get("stretchy"), wide.get("stretchy")) == ("false", "true")


def test_aligned_equations_stand_in_a_table_without_numbers() -> None:
    found = Tags(mathml("\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}", display=True))
    assert {"mtable", "mtr", "mtd"} <= found.tags
    assert "".join(found.text.split()) == "a=bc=d"
    assert "\\" not in found.text


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\text{<img src=x onerror=alert(1)>}",
        r"\text{</mtext></math><script>alert(1)</script>}",
        r"\unknown{x}",
        "a & b",
        "{",
        "%",
        "",
    ],
)
def test_what_is_no_formula_is_shown_as_its_source(tex: str) -> None:
    found = Tags(mathml(tex))
    assert found.tags == {"code"}
    assert found.text == tex


def test_a_formula_carries_no_link() -> None:
    assert "javascript" not in mathml(r"\href{javascript:alert(1)}{x}")


@given(st.lists(NAMES | st.text(max_size=4), max_size=12).map("".join))
@settings(max_examples=300, deadline=None)
def test_nothing_but_mathematics_comes_out(tex: str) -> None:
    for display in (False, True):
        found = Tags(mathml(tex, display=display))
        assert found.tags <= ELEMENTS | SHOWN_AS_SOURCE
        assert not {name for name in found.attributes if name.startswith("on") or name in {"href", "src", "style"}}
