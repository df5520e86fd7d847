"""Pseudonyms are one per person and key, in every table; no message, quarantine or result shows what they stand for."""

from __future__ import annotations

import hashlib
import hmac
import logging
import pickle
import secrets
import traceback
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data
from causalrec_lab.data.storage import pseudonyms as inner

KEY = "k" * 20 + "-not-to-be-seen"
N = 60
RAW = [f"person{place:03d}@example.org" for place in range(N)]


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("CAUSALREC_PSEUDONYM_KEY", KEY)
    monkeypatch.setenv("OTHER_KEY", KEY + "2")
    monkeypatch.setenv("SHORT_KEY", "secret-word")


def events() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "user_id": [RAW[place] for place in rng.permutation(N)],
            "item_id": np.arange(N),
            "timestamp": pd.Timestamp(2024, 1, 1) + pd.to_timedelta(np.arange(N), unit="h"),
            "event": "view",
            "treated": [0, 1] * (N // 2),
        }
    )


def users() -> pd.DataFrame:
    return pd.DataFrame({"user_id": RAW, "age": np.arange(N) + 18})


def of(value: str, key: str = KEY) -> str:
    return hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()[:32]


def written(frame: pd.DataFrame, kind: str, tmp_path, name: str):
    """The frame in a file, a database or an Ibis expression."""
    if kind == "csv":
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    elif kind == "parquet":
        frame.to_parquet(tmp_path / f"{name}.parquet")
    else:
        import ibis

        if kind == "ibis":
            return ibis.memtable(frame)
        ibis.duckdb.connect(tmp_path / f"{name}.duckdb").create_table(name, frame)
    return tmp_path / f"{name}.{kind}"


@pytest.mark.parametrize("kind", ["csv", "parquet", "duckdb", "ibis"])
def test_joins_still_work_and_the_hash_is_hmac(kind, tmp_path):
    log = data.read(written(events(), kind, tmp_path, "events"), pseudonymise=True).events
    people = data.read(written(users(), kind, tmp_path, "users"), table="users", pseudonymise=True).users
    assert log["user_id"].tolist() == [of(raw) for raw in events()["user_id"]]
    joined = log.merge(people, on="user_id", validate="m:1")["age"]
    expected = events().merge(users(), on="user_id")["age"]
    assert joined.tolist() == expected.tolist()
    assert log.drop(columns="user_id").equals(events().drop(columns="user_id").astype(log.dtypes.drop("user_id")))


def test_a_number_is_one_whether_or_not_some_are_missing(tmp_path):
    whole = pd.DataFrame({"user_id": [7, 8, 2**62 + 1], "age": 20})
    holes = events()[:3].assign(user_id=pd.array([7, None, 2**62 + 1], dtype="Int64"))
    kept = data.read(written(holes, "parquet", tmp_path, "e"), pseudonymise=True, errors="quarantine")
    people = data.read(written(whole, "csv", tmp_path, "u"), table="users", pseudonymise=True).users
    assert kept.events["user_id"].tolist() == [of("7"), of(str(2**62 + 1))]
    assert set(kept.events["user_id"]) < set(people["user_id"])
    assert kept.extra["quarantine"]["user_id"].isna().all()
    assert kept.extra["quarantine"]["reason"].tolist() == ["user_id is missing"]


def test_one_identifier_has_one_pseudonym_however_it_was_read():
    keys = inner.keys_of(True)

    def told(values, kind: str = "object") -> list[str]:
        return inner.pseudonyms(pd.DataFrame({"user_id": pd.Series(values, dtype=kind)}), keys)["user_id"].tolist()

    seven = [7, 7.0, "7", "7.0", b"7", Decimal(7), Decimal("7.00"), np.float32(7), np.int8(7)]
    assert told(seven) == [of("7")] * len(seven)
    assert told(["007", "7.5", " 7", "-0.0", "1.0.0"]) == [of(one) for one in ("007", "7.5", " 7", "0", "1.0.0")]
    assert told(["7.0", "a"], "str") == [of("7"), of("a")]  # as a text column holds what pandas wrote with gaps
    assert told([2.0**53 - 1, 2**53 + 1]) == [of(str(2**53 - 1)), of(str(2**53 + 1))]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([2.0**53, 1.0], "too large"),
        (np.array([2**24 + 2, 1], dtype=np.float32), "too large"),
        ([np.inf], "fractions"),
        ([Decimal("7.5")], "fractions"),
        ([True, False], "truths"),
        ([[1], [2]], "lists"),
    ],
)
def test_what_names_nobody_or_two_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        inner.pseudonyms(pd.DataFrame({"user_id": values}), inner.keys_of(True))


def test_keys_part_and_both_names_of_a_column_are_understood(tmp_path):
    path = written(events().rename(columns={"user_id": "customer"}), "csv", tmp_path, "e")
    one, two, three = (
        data.read(path, {"user_id": "customer"}, pseudonymise=asked).events["user_id"]
        for asked in ({"user_id": "OTHER_KEY"}, {"customer": "OTHER_KEY"}, True)
    )
    assert one.equals(two)
    assert set(one).isdisjoint(three)
    file = tmp_path / "key"
    file.write_text(KEY + "2\n")
    assert data.read(path, {"user_id": "customer"}, pseudonymise={"user_id": file}).events["user_id"].equals(one)
    items = data.read(
        path, {"user_id": "customer"}, pseudonymise={"user_id": "OTHER_KEY", "item_id": b"0123456789abcdef"}
    )
    assert items.events["item_id"].str.len().eq(32).all()


def test_the_data_set_says_what_it_is_and_not_the_key(tmp_path, caplog):
    with caplog.at_level(logging.DEBUG):
        own = data.read(written(events(), "csv", tmp_path, "e"), pseudonymise=True)
    assert "GDPR" in own.about.notes
    shown = f"{own!r} {own._repr_html_()} {own.about!r} {own.about._repr_html_()} {caplog.text}"
    assert KEY not in shown
    assert not any(raw in shown for raw in RAW)
    key = inner.keys_of(True)["user_id"]
    assert KEY not in f"{key!r} {key} {vars(inner)}"
    with pytest.raises(TypeError, match="not stored"):
        pickle.dumps(key)


def told(error: BaseException | None) -> str:
    """The error and all that hang on it, shown or not."""
    words = "".join(traceback.format_exception(error))
    while (error := error.__cause__ or error.__context__) is not None:
        words += f"{error!r} {error}"
    return words


def broken(fault: str, tmp_path):
    """A table with one fault, and what to read it by."""
    frame = events()
    if fault == "repeated user":
        return written(pd.concat([users(), users()]), "csv", tmp_path, "u"), {"table": "users"}
    if fault == "no time":
        return written(frame.assign(timestamp=["soon", *frame["timestamp"][1:].astype(str)]), "csv", tmp_path, "e"), {}
    path = written(frame, "csv", tmp_path, "e")
    lines = path.read_text().splitlines()
    if fault == "torn line":
        lines[40] += ",one,too,many"
    elif fault == "half a quote":
        lines[40] = f'"{RAW[3]},' + lines[40]
    elif fault == "a wrong type far down":
        lines = [
            lines[0],
            *(f"{place},1,2024-01-01,view,0" for place in range(30_000)),
            f"{RAW[3]},1,2024-01-01,view,1",
        ]
    elif fault == "not utf-8":
        path.write_bytes("\n".join([*lines[:5], "\xe9" + lines[6]]).encode("latin1"))
        return path, {}
    path.write_text("\n".join(lines))
    return path, {}


FAULTS = ["repeated user", "no time", "torn line", "half a quote", "a wrong type far down", "not utf-8"]


@pytest.mark.parametrize("errors", ["raise", "warn", "quarantine"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_message_and_no_quarantine_shows_an_identifier(fault, errors, tmp_path, caplog):
    path, how = broken(fault, tmp_path)
    shown = ""
    with caplog.at_level(logging.DEBUG):
        try:
            own = data.read(path, errors=errors, pseudonymise=True, **how)
            shown += own.extra["quarantine"].to_csv() if errors == "quarantine" else ""
            shown += " ".join(map(str, own.tables.values())) if hasattr(own, "tables") else repr(own)
        except ValueError as error:
            shown += told(error)
    assert "@example.org" not in shown + caplog.text
    assert KEY not in shown + caplog.text


def test_the_same_faults_show_identifiers_without_it(tmp_path):
    """So the test above can fail."""
    path, how = broken("repeated user", tmp_path)
    with pytest.raises(data.SchemaError, match=r"@example\.org"):
        data.read(path, **how)
    path, how = broken("torn line", tmp_path)
    lines = data.read(path, errors="quarantine").extra["quarantine"]
    assert lines["text"].str.contains("@example.org").any()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"user_id": "NO_SUCH_KEY"}, "no environment variable of the name given"),
        ({"user_id": "SECRETSECRETKEY1"}, "no environment variable of the name given"),
        ({"user_id": b"x" * 20}, "the same few bytes"),
        ({"user_id": b" " * 20}, "has 0 bytes"),
        ({"user_id": "SHORT_KEY"}, r"variable SHORT_KEY has 11 bytes; at least 16"),
        ({"user_id": b"short"}, "has 5 bytes"),
        ({"user_id": KEY}, "may be the key itself"),
        ({"user_id": "mylowercasekey"}, "no environment variable of the name given"),
        ({"customer": "OTHER_KEY"}, "no column 'customer': .*known are"),
        ({"timestamp": "OTHER_KEY"}, "has times"),
        ({"share": "OTHER_KEY"}, "has fractions"),
        ({}, "name a column"),
    ],
)
def test_bad_keys_and_columns_are_named_and_shown_to_nobody(asked, words, tmp_path):
    path = written(events().assign(share=0.5), "parquet", tmp_path, "e")
    with pytest.raises(ValueError, match=words) as caught:
        data.read(path, pseudonymise=asked)
    shown = told(caught.value)
    lines = [line for line in shown.splitlines() if "pseudonymise=" not in line]
    assert not any(
        word in line for line in lines for word in (KEY, "secret-word", "mylowercasekey", "SECRETSECRETKEY1")
    )
    assert "@example.org" not in shown


def test_other_bad_input(tmp_path, monkeypatch):
    path = written(events(), "csv", tmp_path, "e")
    with pytest.raises(ValueError, match="cannot be read"):
        data.read(path, pseudonymise={"user_id": tmp_path / "no_key"})
    with pytest.raises(TypeError, match="mapping of columns"):
        data.read(path, pseudonymise="user_id")
    with pytest.raises(ValueError, match="without lazy"):
        data.read(path, pseudonymise=True, lazy=True)
    with pytest.raises(ValueError, match="named twice"):
        inner.placed(inner.keys_of({"a": b"0123456789abcdef", "b": b"0123456789abcdef"}), {"a": "b"}, ["b"])
    monkeypatch.delenv("CAUSALREC_PSEUDONYM_KEY")
    with pytest.raises(ValueError, match=r"CAUSALREC_PSEUDONYM_KEY; make a key once.*token_hex"):
        data.read(path, pseudonymise=True)


def test_a_collision_would_be_seen(monkeypatch):
    monkeypatch.setattr(inner.Key, "of", lambda self, text: "same")
    with pytest.raises(ValueError, match="got one pseudonym"):
        inner.pseudonyms(pd.DataFrame({"user_id": ["a", "b"]}), {"user_id": inner.Key(secrets.token_bytes(32))})


def test_groups_alike_are_counted():
    frame = pd.DataFrame({"age": [30, 30, 31, 40, 40, None], "region": list("aabccc")})
    found = data.k_anonymity(frame, ["age", "region"])
    assert (found.k, found.groups, found.unique) == (1, 4, pytest.approx(2 / 6))
    assert found.table["people"].sum() == 6
    assert found.table.loc[0, "people"] == 2
    coarse = data.generalise(frame, {"age": 100, "region": {"a": "ab", "b": "ab", "c": "c"}})
    assert coarse["region"].tolist() == ["ab"] * 3 + ["c"] * 3
    assert data.k_anonymity(coarse[:5], ["age", "region"]).k == 2
    assert "region" not in data.generalise(frame, {"region": None})
    assert "k = 1" in found._repr_html_()
    assert found.plot(None).get_ylabel() == "share of people"


def test_what_a_person_s_rows_tell_together_counts():
    """Alike row by row, but told apart by the pair of places."""
    frame = pd.DataFrame({"user": [1, 1, 2, 2, 3, 3], "place": list("abacab")})
    assert data.k_anonymity(frame, ["place"]).k == 1
    assert data.k_anonymity(frame[frame["place"] != "c"], ["place"]).k == 2
    found = data.k_anonymity(frame, ["place"], user="user")
    assert (found.k, found.unique) == (1, pytest.approx(1 / 3))


def test_times_become_spans():
    frame = pd.DataFrame({"seen": pd.to_datetime(["2024-03-05 17:30", None]), "age": [37, 12]})
    assert data.generalise(frame, {"seen": "month"})["seen"].tolist() == [pd.Timestamp(2024, 3, 1), pd.NaT]
    assert data.generalise(frame, {"age": 10})["age"].tolist() == [30, 10]
    for how, words in (
        ({"age": "month"}, "no times"),
        ({"seen": "moon"}, "did you mean 'month'"),
        ({"seen": 3}, "no numbers"),
        ({"age": -1}, "above 0"),
        ({"aeg": 3}, "'age'"),
    ):
        with pytest.raises(ValueError, match=words):
            data.generalise(frame, how)
    with pytest.raises(ValueError, match="list"):
        data.k_anonymity(frame, "age")
    with pytest.raises(ValueError, match="no rows"):
        data.k_anonymity(frame[:0], ["age"])
