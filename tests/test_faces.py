"""Every package's face opens with what it is for, and its example runs and gives what it says."""

import doctest
from pathlib import Path
from types import ModuleType

import pytest

from causalrec_lab.lab.reference.build import public_packages

FACES = {module.__name__: module for module in public_packages() if hasattr(module, "__path__")}


@pytest.mark.parametrize("face", FACES.values(), ids=FACES)
def test_the_example_gives_what_it_says(face: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    tests = [test for test in doctest.DocTestFinder(recurse=False).find(face, face.__name__) if test.examples]
    assert tests
    told: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    for test in tests:
        assert len(test.examples) > 1
        runner.run(test, out=told.append)
    assert runner.failures == 0, "".join(told)
