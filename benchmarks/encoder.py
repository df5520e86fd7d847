"""Embedding 3,883 film titles (S7): processor seconds, first and cached.

python benchmarks/encoder.py
"""

from __future__ import annotations

import tempfile
import time

import pandas as pd
from recording import clock, record

from causalrec_lab.data.sources import fetch
from causalrec_lab.recommender import TextEncoder


def main() -> None:
    """Embed every title of MovieLens-1M twice, the second time by another encoder object that reads the cache."""
    lines = fetch("ml-1m")["ml-1m/movies.dat"].read_text(encoding="latin-1").splitlines()
    titles = [line.split("::")[1] for line in lines]
    rows = {}
    with tempfile.TemporaryDirectory() as cache, clock() as seconds:
        for name in ("first", "cached"):
            encoder = TextEncoder.load("auto", cache=cache)
            begun = time.process_time()
            encoder.embed(titles)
            rows[name] = {"texts": len(titles), "cpu_seconds": time.process_time() - begun}
    table = pd.DataFrame(rows).T.rename_axis("time")
    record("encoder", table, seconds[0], encoder=encoder.name, precision=encoder.precision)


if __name__ == "__main__":
    main()
