"""The house keeps its order: imports run downward, the door is light, the three lists of packages agree."""

import ast
import itertools
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "causalrec_lab"
FLOORS = ("doors", "estimate", "policy", "data", "world", "recommender", "causal", "intervention", "explain", "lab")
HEAVY = {
    "torch", "transformers", "pgmpy", "peft", "matplotlib", "seaborn", "sklearn", "statsmodels", "scipy", "ibis",
    "duckdb", "psycopg", "MySQLdb", "pyspark", "pandera", "networkx", "IPython", "nbconvert", "papermill", "nbformat",
    "pooch", "tqdm", "typer", "safetensors",
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(path for path in LIBRARY.rglob("*.py") if path != LIBRARY / "__init__.py")


def floor(dotted: str) -> int | None:
    """Height of a module's floor, None for what is no part of the library or its front door."""
    parts = dotted.split(".")
    return FLOORS.index(parts[1]) if parts[0] == "causalrec_lab" and len(parts) > 1 and parts[1] in FLOORS else None


def imported(tree: ast.AST) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def upward(path: Path, source: str) -> list[str]:
    own = floor("causalrec_lab." + ".".join(path.relative_to(LIBRARY).with_suffix("").parts))
    assert own is not None, f"{path} lies on no floor: {FLOORS}"
    return [name for name in imported(ast.parse(source)) if (other := floor(name)) is not None and other > own]


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(LIBRARY).as_posix())
def test_imports_run_downward(path: Path) -> None:
    assert upward(path, path.read_text(encoding="utf-8")) == []


def test_an_upward_import_would_be_seen() -> None:
    source = "def f():\n    from causalrec_lab.lab.session import say\n    import causalrec_lab.data.schema\n"
    assert upward(LIBRARY / "world" / "platform.py", source) == ["causalrec_lab.lab.session.say"]


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(LIBRARY).as_posix())
def test_a_file_is_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
    assert path.stem not in {"utils", "helpers", "common", "misc"}


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return set(done.stdout.split())


def test_the_front_door_is_no_heavier_than_pandas() -> None:
    rooms = "from causalrec_lab import causal, data, explain, intervention, lab, recommender, world, Estimate, Policy"
    pandas, door = loaded_by("import pandas"), loaded_by(f"import causalrec_lab\n{rooms}")
    standard = set(sys.stdlib_module_names) | {"causalrec_lab"}
    assert door & HEAVY == set()
    assert door - pandas - standard - {name for name in door if name.startswith("_")} == set()


def test_the_command_line_opens_without_the_library_s_weight() -> None:
    assert loaded_by("import causalrec_lab.lab.cli") & (HEAVY - {"typer"} | {"numpy", "pandas"}) <= {"numpy", "pandas"}


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_lock_holds_every_package_asked_for() -> None:
    locked = {name.lower().replace("_", "-"): version for name, version in pins().items()}
    extras = itertools.chain.from_iterable(project()["optional-dependencies"].values())
    asked = [Requirement(text) for text in (*project()["dependencies"], *extras)]
    assert asked
    for wanted in asked:
        assert wanted.specifier.contains(locked[wanted.name.lower().replace("_", "-")], prereleases=True), wanted


def test_the_lock_names_no_local_build_and_no_cuda() -> None:
    assert [name for name, version in pins().items() if "+" in version or name.startswith(("nvidia", "triton"))] == []


def test_conda_s_environment_is_in_step() -> None:
    wanted = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    least = str(project()["requires-python"]).removeprefix(">=")
    assert f"python={least}" in wanted
    assert next(entry["pip"] for entry in wanted if isinstance(entry, dict)) == ["-c requirements.lock", "-e .[dev]"]
