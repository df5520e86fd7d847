import pandas as pd
import pytest

from causalrec_lab.lab.reading_tables import read_table

ROWS = pd.DataFrame({"t": [0, 1, 1], "y": [0.5, 1.25, 3.0], "word": ["a", "b", "c, d"]})


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.csv", {}),
        ("a.csv", {"sep": ";"}),
        ("a.csv", {"sep": ";", "decimal": ","}),
        ("a.tsv", {"sep": "\t"}),
        ("a.csv", {"encoding": "utf-8-sig"}),
        ("a.csv.gz", {}),
    ],
)
def test_a_csv_is_read_whatever_separates_it(tmp_path, name, how):
    ROWS.to_csv(tmp_path / name, index=False, **how)
    pd.testing.assert_frame_equal(read_table(tmp_path / name, ("t", "y")), ROWS)


def test_blanks_in_the_head_are_no_part_of_a_name(tmp_path):
    (tmp_path / "a.csv").write_text("t, y\n0, 1\n", encoding="utf-8")
    assert list(read_table(tmp_path / "a.csv", ("t", "y"))) == ["t", "y"]


def test_parquet_is_read(tmp_path):
    ROWS.to_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.parquet"), ROWS)


@pytest.mark.parametrize(
    ("name", "inside", "said"),
    [
        ("a.xlsx", b"PK\x03\x04", "CSV UTF-8"),
        ("a.json", b"{}", "no CSV or Parquet"),
        ("a.csv", "t,点击\n0,1\n".encode("gbk"), "not in UTF-8"),
        ("a.csv", b"", "cannot be read as a table"),
        ("a.csv", b"t,y\n", "no rows"),
        ("a.csv", b"t,y,x,y\n0,1,2,3\n", "more than one column called 'y'"),
        ("a.csv", b"\xef\xbb\xbft;y;t\n0;1;2\n", "more than one column called 't'"),
        ("a.parquet", b"no parquet", "cannot be read as a table"),
    ],
)
def test_what_is_no_table_is_told_with_the_way_out(tmp_path, name, inside, said):
    (tmp_path / name).write_bytes(inside)
    with pytest.raises(ValueError, match=said):
        read_table(tmp_path / name, ("t", "y"))
