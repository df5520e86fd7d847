r"""TeX to MathML that opens without a network and lets nothing but mathematics through.

`latex2mathml` passes `\text{<script>}` on as a live element and unknown commands as text; so its result is parsed and
only MathML Core's elements and attributes are written out again. What cannot be shown as mathematics is shown as its
source.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from xml.etree import ElementTree as Tree

__all__ = ["mathml"]

_ELEMENTS = (
    "math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup mover munder munderover mtable mtr mtd mstyle "
    "mpadded mphantom mmultiscripts mprescripts merror ms"
)
_ATTRIBUTES = (
    "display displaystyle scriptlevel stretchy fence form accent accentunder minsize maxsize lspace rspace width "
    "height depth voffset movablelimits linethickness columnspan rowspan separator symmetric largeop"
)
ELEMENTS, ATTRIBUTES = frozenset(_ELEMENTS.split()), frozenset(_ATTRIBUTES.split())
SPACES = {"negativethinmathspace": "-0.167em", "negativemediummathspace": "-0.222em"}
RELATIONS = {"~": "∼", "⟂": "⟂", "∼": "∼"}  # given as identifiers, which have no space around them
BARS = ("‖", "|", "∥")  # browsers stretch them to the whole line's height
ALPHABETS = {
    "bold": "MATHEMATICAL BOLD",
    "bold-italic": "MATHEMATICAL BOLD ITALIC",
    "script": "MATHEMATICAL SCRIPT",
    "double-struck": "MATHEMATICAL DOUBLE-STRUCK",
    "fraktur": "MATHEMATICAL FRAKTUR",
    "sans-serif": "MATHEMATICAL SANS-SERIF",
    "monospace": "MATHEMATICAL MONOSPACE",
}
_ENVIRONMENT = re.compile(
    r"\\(begin|end)\{(?:aligned|align|split|gathered|gather|equation|eqnarray)\*?\}(?:\[[tbc]\])?"
)

_INDEPENDENT = re.compile(r"\\perp\s*(?:\\!\s*)+\\perp|\\indep(?![A-Za-z])")
_NAMED = re.compile(r"\\operatorname\*?\{(arg)\s*(?:\\[,;: ])?\s*(max|min)\}")


@lru_cache(maxsize=4096)
def mathml(tex: str, *, display: bool = False) -> str:
    """MathML of a formula, or its TeX source as code where it holds anything that is no mathematics.

    Parameters
    ----------
    tex
        The formula without its dollar signs.
    display
        True for a formula on a line of its own; it gets a box that scrolls where it is too wide.
    """
    try:
        body = _convert(tex.strip(), display=display)
    except Exception:  # the converter raises many kinds for broken TeX; the source is then what can be shown
        return f'<code class="tex">{html.escape(tex.strip())}</code>'
    return f'<div class="formula" tabindex="0" role="group" aria-label="formula">{body}</div>' if display else body


def _convert(tex: str, *, display: bool) -> str:
    from latex2mathml.converter import convert

    plain = _INDEPENDENT.sub("⫫", _ENVIRONMENT.sub(r"\\\1{align*}", tex))
    plain = _NAMED.sub(lambda match: "\\" + match[1] + match[2] + " ", plain).replace(
        r"\operatorname*", r"\operatorname"
    )
    tree = Tree.fromstring(convert(plain, display="block" if display else "inline"))
    _settle(tree)
    return Tree.tostring(tree, encoding="unicode", short_empty_elements=False)


def _settle(node: Tree.Element) -> None:
    """Keep what MathML Core knows; refuse any other element, and text that is still TeX."""
    node.tag = node.tag.rpartition("}")[2]
    if node.tag not in ELEMENTS:
        raise ValueError(f"<{node.tag}> is no mathematics")
    text = (node.text or "").strip()
    if text.startswith("\\") or (node.tail or "").strip():
        raise ValueError(f"{text or node.tail} was not understood")
    _restyle(node, text)
    if text == "⫫":
        _double_tack(node)
    elif node.tag == "mi" and text in RELATIONS:
        node.tag, node.text = "mo", RELATIONS[text]
    elif node.tag == "mo" and text in BARS:
        node.attrib = {"stretchy": "false"} | node.attrib  # \left and \right say otherwise
    elif node.tag == "mo" and text.isascii() and text.isalpha():
        _name_operator(node, text)
    for child in node:
        _settle(child)


def _double_tack(node: Tree.Element) -> None:
    """Set "independent of" from two tacks: few fonts have the sign."""
    node.tag, node.text = "mrow", None
    for attributes in ({"lspace": "0.3em", "rspace": "0"}, {"lspace": "0", "rspace": "0.3em"}):
        if len(node):
            Tree.SubElement(node, "mspace", {"width": "-0.55em"})
        Tree.SubElement(node, "mo", attributes).text = "⟂"


def _name_operator(node: Tree.Element, text: str) -> None:
    """Set the name of an operator upright: E as a letter, max with the space that follows a name."""
    if len(text) == 1:
        node.tag = "mi"
        node.set("mathvariant", "normal")
    else:
        node.attrib |= {"lspace": "0.08em", "rspace": "0.167em"}


def _restyle(node: Tree.Element, text: str) -> None:
    """Write alphabets as letters and alignment as a class: browsers follow neither attribute any more."""
    given = dict(node.attrib)
    node.attrib.clear()
    for name, value in given.items():
        if name == "mathvariant" and value == "normal":
            node.set(name, value)
        elif name == "mathvariant" and value in ALPHABETS and text:
            node.text = "".join(_letter(character, ALPHABETS[value]) for character in text)
        elif name == "columnalign" and value in ("left", "right"):
            node.set("class", f"to-{value}")
        elif name in ATTRIBUTES:
            node.set(name, SPACES.get(value, value))


def _letter(character: str, alphabet: str) -> str:
    """The character of a mathematical alphabet, or the plain one where the alphabet lacks it."""
    kind = unicodedata.name(character, "")
    words = kind.replace("LATIN ", "").replace("GREEK ", "").replace(" LETTER", "")
    for name in (f"{alphabet} {words}", f"{alphabet.replace('MATHEMATICAL ', '')} {words}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    return character
