"""What `coverage.py` replicates: one module a family of estimators, each with `cases() -> list[Case]`.

To add a family, put a module here with a function `cases()`; nothing else has to know of it:

    from coverage_cases.case import Case
    from coverage_cases.populations import platform_clicks, surface

    def cases():
        heavy = surface("heavy")
        return [
            Case(
                "my_estimator ATE, heavy-tailed",
                heavy.draw,
                lambda frame, seed: effects.my_estimator(frame, "t", "y", heavy.covariates, seed=seed),
                heavy.truth("ATE"),
            )
        ]

Then `python benchmarks/coverage.py --only my_estimator --replications 100` runs those rows alone and leaves the other
rows of `results/coverage.json` as they are.
"""

import sys

sys.modules.setdefault("coverage", None)  # type: ignore[arg-type]  # as in recording.py, for worker processes
