"""The reference shows every public name, with its formulas, and needs no network."""

import inspect
import re
from pathlib import Path

import pytest

from causalrec_lab.lab.reference.build import Formulas, build_reference, public_packages
from causalrec_lab.lab.reference.signatures import readable, shortened

pytest.importorskip("pdoc", reason="pdoc is not installed; make setup installs it")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "reference"
    folder.mkdir()
    (folder / "old.html").touch()
    build_reference(folder)
    return folder


@pytest.mark.slow
def test_every_public_name_has_its_place(site: Path) -> None:
    missing = []
    for package in public_packages():
        page = (site / f"{package.__name__.replace('.', '/')}.html").read_text(encoding="utf-8")
        names = [name for name in package.__all__ if not inspect.ismodule(getattr(package, name))]
        missing += [f"{package.__name__}.{name}" for name in names if f'id="{name}"' not in page]
    assert missing == []


@pytest.mark.slow
def test_formulas_are_mathematics_and_nothing_comes_from_a_network(site: Path) -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    assert (site / "index.html") in pages
    assert "<math" in pages[site / "causalrec_lab/causal/effects.html"]
    for path, page in pages.items():
        shown = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
        assert not re.search(r":math:|\.\. math|[\ue000\ue001]", shown), path
        assert not re.findall(r"<svg(?![^>]*(?:aria-|role=))[^>]*>", page), path
        assert not re.findall(r"<(?:script|img|link|iframe)[^>]*(?:src|href)=[\"']?(?:https?:)?//[^>]*", page), path


@pytest.mark.slow
def test_a_package_opens_with_a_table_of_what_it_holds_and_every_room_can_be_entered(site: Path) -> None:
    front = (site / "causalrec_lab.html").read_text(encoding="utf-8")
    rooms = re.findall(r'<td><a href="([^"]+)"><strong>', front)
    assert len(rooms) == 7
    assert [room for room in rooms if not (site / room).exists()] == []
    effects = (site / "causalrec_lab/causal/effects.html").read_text(encoding="utf-8")
    assert re.search(r'<td><code><a href="#aipw">aipw</a></code></td>\s*<td>Effect from', effects)
    assert "&gt;&gt;&gt;" in effects


@pytest.mark.slow
def test_what_was_there_is_replaced(site: Path) -> None:
    assert not (site / "old.html").exists()
    assert list(site.parent.glob("*.partial")) == []


def test_formulas_pass_markdown_untouched() -> None:
    formulas = Formulas()
    hidden = formulas.hide("The effect :math:`a_1 * b_2 * c` is\n\n.. math::\n\n    x_1 * y\n\nand so on.")
    assert "math" not in hidden
    assert "*" not in hidden
    shown = formulas.show(hidden)
    assert shown.count("<math") == 2
    assert shown.count('display="block"') == 1
    assert shown.rstrip().endswith("and so on.")


def test_types_are_short() -> None:
    array = "numpy.ndarray[tuple[typing.Any, ...], numpy.dtype[numpy.float64]]"
    public = {"causalrec_lab.estimate.Estimate"}
    assert shortened(f"{array} | None", public) == "ndarray[float64] | None"
    assert shortened("causalrec_lab.causal.inner.Coding", public) == "Coding"
    assert shortened("causalrec_lab.estimate.Estimate", public) == "causalrec_lab.estimate.Estimate"

    def f(a: int, *, b: "causalrec_lab.world.law.law.Law" = 1) -> None:  # type: ignore  # noqa: F821
        """Take one thing of each kind."""

    assert str(readable(inspect.signature(f), public)) == "(a: int, *, b: Law = 1) -> None"
