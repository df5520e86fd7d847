"""What a log's texts cover: how many rows have one, how long, how often copied, in which script."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.data.quality.rules import Finding, found

__all__ = ["of_text", "scripts", "text_coverage"]

_TEXTS = ("title", "text")
_READ = 20_000  # texts looked at for their script
_SCRIPTS = {  # Unicode blocks of the letters; kana before Han, since Japanese writes with both
    "latin": r"[A-Za-z\u00c0-\u024f]",
    "kana": r"[\u3040-\u30ff]",
    "han": r"[\u3400-\u4dbf\u4e00-\u9fff]",
    "hangul": r"[\uac00-\ud7af\u1100-\u11ff]",
    "cyrillic": r"[\u0400-\u052f]",
    "greek": r"[\u0370-\u03ff]",
    "arabic": r"[\u0600-\u06ff]",
    "hebrew": r"[\u0590-\u05ff]",
    "devanagari": r"[\u0900-\u097f]",
    "thai": r"[\u0e00-\u0e7f]",
}


def scripts(texts: pd.Series[str]) -> pd.Series[str]:
    """Script most of a text's letters are in; "none" where it has no letter of a known script.

    A script is no language: English and French are both "latin"; telling them apart needs a model.
    """
    letters = pd.DataFrame({name: texts.str.count(letter) for name, letter in _SCRIPTS.items()}, index=texts.index)
    return letters.idxmax(axis=1).where(letters.max(axis=1) > 0, "none")


def text_coverage(dataset: Dataset) -> pd.DataFrame:
    """Describe every text column of items and users.

    Returns
    -------
    DataFrame with columns table, column, covered (share of rows with text), words (median of those with text), short
    (share of them with fewer than three words), distinct (share of rows), copies (share of texts that stand elsewhere
    too), script (that of most texts), other_scripts (share of texts in another one).
    """
    rows = []
    for name in ("items", "users"):
        table = getattr(dataset, name)
        for column in [] if table is None else [c for c in _TEXTS if c in table]:
            texts = table[column].fillna("").astype(str).str.strip()
            rows.append({"table": name, "column": column, **_described(texts)})
    columns = ["table", "column", "covered", "words", "short", "distinct", "copies", "script", "other_scripts"]
    return pd.DataFrame(rows, columns=columns)


def _described(texts: pd.Series[str]) -> dict[str, float | str]:
    written = texts[texts != ""]
    if written.empty:
        nothing = dict.fromkeys(("words", "short", "distinct", "copies", "other_scripts"), 0.0)
        return {"covered": 0.0 if len(texts) else math.nan, **nothing, "script": "none"}
    words = written.str.count(r"\S+")
    found_in = scripts(written.iloc[:: max(1, len(written) // _READ)])
    told = found_in[found_in != "none"]
    main = str(told.mode().iloc[0]) if len(told) else "none"
    return {
        "covered": len(written) / len(texts),
        "words": float(words.median()),
        "short": float((words < 3).mean()),
        "distinct": texts.nunique() / len(texts),
        "copies": float(written.duplicated(keep=False).mean()),
        "script": main,
        "other_scripts": float((told != main).mean()) if len(told) else 0.0,
    }


def of_text(text: pd.DataFrame) -> Iterator[Finding]:
    """What missing, copied and mixed texts threaten; titles may repeat, that is no finding."""
    for row in text.to_dict("records"):
        where = f"{row['table']}.{row['column']}"
        covered = float(row["covered"])
        if not math.isnan(covered):
            yield from found("text missing", 1 - covered, f"{where}: {1 - covered:.0%} of the rows have no text")
        if row["column"] == "text" and row["copies"] > 0:
            sentence = f"{where}: {row['copies']:.0%} of the texts stand in other rows word for word"
            yield from found("text repeated", row["copies"], sentence)
        if row["other_scripts"] > 0:
            sentence = f"{where}: {row['other_scripts']:.0%} of the texts are not in {row['script']} script"
            yield from found("scripts mixed", row["other_scripts"], sentence)
