r"""The API reference: one page a package, from the docstrings, by pdoc; formulas as MathML, nothing from a network.

Only what a package's `__all__` names is shown: the face a user sees, wherever it is written.
"""

from __future__ import annotations

import importlib
import inspect
import re
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from causalrec_lab.lab.reference.overview import overview
from causalrec_lab.lab.reference.signatures import readable, shortened
from causalrec_lab.lab.report.mathml import mathml

if TYPE_CHECKING:
    import pdoc.doc

__all__ = ["Formulas", "build_reference", "public_packages"]

_INLINE = re.compile(r":math:`([^`]+)`")
_BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)\.\. math::[ \t]*(?P<first>.*)\n(?P<rest>(?:(?P=indent)[ \t]+.*\n|[ \t]*\n)*)", re.M
)
_UNNAMED = re.compile(r"<svg\b(?![^>]*(?:aria-|role=))")  # pdoc's icons: nothing that a reader must be told
_MARK = re.compile("\ue000(\\d+)\ue001")


def public_packages(root: str = "causalrec_lab") -> Iterator[ModuleType]:
    """Packages and modules a user reaches by name from the front door, it first.

    Parameters
    ----------
    root
        Dotted name of the package to begin at.
    """
    module = importlib.import_module(root)
    yield module
    for name in getattr(module, "__all__", ()):
        found = getattr(module, name)
        if isinstance(found, ModuleType) and found.__name__ == f"{root}.{name}":
            yield from public_packages(found.__name__)


class Formulas:
    """Formulas of docstrings, kept from Markdown's hands: `hide` puts a mark in place of each, `show` its MathML."""

    def __init__(self) -> None:
        self._kept: list[str] = []

    def hide(self, text: str) -> str:
        """Give the text with a mark for each formula, inline or a block of its own."""

        def block(found: re.Match[str]) -> str:
            tex = f"{found['first']}\n{found['rest']}".strip()
            return f"{found['indent']}{self._keep(tex, display=True)}\n\n"

        text = _BLOCK.sub(block, text if text.endswith("\n") else text + "\n")
        return _INLINE.sub(lambda found: self._keep(found[1].strip(), display=False), text)

    def show(self, page: str) -> str:
        """Give the page with MathML for each mark."""
        return _MARK.sub(lambda found: self._kept[int(found[1])], page)

    def _keep(self, tex: str, *, display: bool) -> str:
        self._kept.append(mathml(tex, display=display))
        return f"\ue000{len(self._kept) - 1}\ue001"


def build_reference(folder: Path) -> list[Path]:
    """Write the reference's pages and give their paths, `index.html` first.

    The pages are made beside the old ones and put in their place when all are there.

    Parameters
    ----------
    folder
        Where the pages go; what was there is replaced.

    Raises
    ------
    ModuleNotFoundError
        If pdoc is not installed; `make setup` installs it.
    """
    try:
        import pdoc.doc
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("the reference needs pdoc: run make setup, or pip install pdoc") from missing
    made = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(made, ignore_errors=True)
    with warnings.catch_warnings():  # types that exist for a checker alone (pd.Series[float]) are shown as written
        warnings.filterwarnings("ignore", "Error parsing type annotation")
        formulas = Formulas()
        pages = {module.__name__: pdoc.doc.Module(_opened(module)) for module in public_packages()}
        _configure(formulas, _shorten(pages))
        for page in pages.values():
            page.docstring += overview(page)
        _write(pages, made, formulas)
    shutil.rmtree(folder, ignore_errors=True)
    made.rename(folder)
    return sorted(folder.rglob("*.html"), key=lambda path: (path.name != "index.html", path))


def _shorten(pages: Mapping[str, pdoc.doc.Module]) -> set[str]:
    """Shorten the types of attributes, and give where all that the pages describe is written."""
    members = list(_members(pages.values()))
    public = _written_in(members)
    for variable in (member for member in members if member.kind == "variable"):
        variable.annotation_str = shortened(variable.annotation_str, public)
    return public


def _write(pages: Mapping[str, pdoc.doc.Module], made: Path, formulas: Formulas) -> None:
    """Write every page, the first one, and the index of the search."""
    import pdoc.render

    for name, page in pages.items():
        path = made / f"{name.replace('.', '/')}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        shown = formulas.show(pdoc.render.html_module(page, pages))
        path.write_text(_UNNAMED.sub('<svg aria-hidden="true"', shown), encoding="utf-8")
    (made / "index.html").write_text(pdoc.render.html_index(pages), encoding="utf-8")
    (made / "search.js").write_text(_MARK.sub("…", pdoc.render.search_index(pages)), encoding="utf-8")


def _members(pages: Iterable[pdoc.doc.Module]) -> Iterator[Any]:
    """All that the pages describe: public names, and the members of classes among them."""
    for page in pages:
        for member in page.members.values():
            yield member
            if member.kind == "class":
                yield from member.members.values()  # type: ignore[attr-defined]


def _written_in(members: Iterable[Any]) -> set[str]:
    """Where classes and functions are written: names that pdoc turns into links."""
    found = (member.obj for member in members if member.kind in {"class", "function"})
    return {f"{getattr(one, '__module__', '')}.{getattr(one, '__qualname__', '')}" for one in found}


def _configure(formulas: Formulas, public: set[str]) -> None:
    """Tell pdoc to keep formulas whole, types short, no source, and the lab's colours, in light and in dark."""
    import pdoc.render
    from jinja2 import pass_context
    from pdoc.render_helpers import format_signature, to_markdown_with_context

    @pass_context
    def to_markdown(context: Any, text: str) -> str:
        return to_markdown_with_context(context, formulas.hide(text))

    def signature(found: inspect.Signature, colon: bool) -> str:
        return format_signature(readable(found, public), colon)

    pdoc.render.configure(docformat="numpy", show_source=False, template_directory=Path(__file__).parent)
    pdoc.render.env.filters["to_markdown"] = to_markdown
    pdoc.render.env.filters["format_signature"] = signature


def _opened(module: ModuleType) -> ModuleType:
    """Give the package with its public names in its own dictionary, where pdoc looks for them."""
    for name in getattr(module, "__all__", ()):
        module.__dict__.setdefault(name, getattr(module, name))
    return module
