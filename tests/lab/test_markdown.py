import html
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab.lab.quoting import quote
from causalrec_lab.lab.report.markdown import MarkdownPage
from causalrec_lab.lab.report.outputs import clean_html, error_html, output_html

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def page(tmp_path: Path) -> MarkdownPage:
    return MarkdownPage(frozenset({"01_data", "02_text"}), tmp_path)


def output(data: dict[str, str], **metadata: object) -> dict[str, object]:
    return {"output_type": "display_data", "data": data, "metadata": metadata}


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "<iframe src='//x'></iframe>"]
)
def test_html_in_prose_comes_out_as_text(page: MarkdownPage, text: str) -> None:
    found = page.render(f"Bought: {text}")
    assert "&lt;" in found
    assert not any(f"<{tag}" in found for tag in ("script", "img", "iframe"))


def test_a_title_with_tex_in_it_stays_text(page: MarkdownPage) -> None:
    found = page.render(r"Bought: $\text{<script>}$ for \$5 and \$6")
    assert "<script" not in found
    assert "&lt;script&gt;" in found
    assert "for $5 and $6" in found


@given(
    st.lists(st.sampled_from([*list(r"\$<>*_`[](){}#|!~&;:=-+.\"'^@ ax1"), "<b>", "\\text{", "1. ", "$$"])).map("".join)
)
@settings(max_examples=400, deadline=None)
def test_a_quoted_text_is_shown_as_it_is(text: str) -> None:
    shown = MarkdownPage().render(f"Bought: {quote(text)}")
    assert html.unescape(re.sub(r"</?p>", "", shown)).strip() == " ".join(f"Bought: {text}".split())
    assert set(re.findall(r"<(/?\w+)", shown)) == {"p", "/p"}


def test_bare_tags_are_kept_and_comments_vanish(page: MarkdownPage) -> None:
    assert "<sub>2</sub>" in page.render("H<sub>2</sub>O <!-- hidden -->")
    assert "hidden" not in page.render("H <!-- hidden -->")
    assert "<sub onclick" not in page.render("<sub onclick='x'>2</sub>")


def test_links_lead_within_the_report_or_nowhere(page: MarkdownPage) -> None:
    found = page.render(
        "[a](01_data.ipynb#part) [b](09_later.ipynb) [c](../README.md) [d](https://example.org) [e](javascript:x)"
    )
    assert '<a href="01_data.html#part">a</a>' in found
    assert '<a href="https://example.org">d</a>' in found
    assert found.count("<a ") == 2


def test_headings_have_anchors_of_their_own(page: MarkdownPage) -> None:
    page.render("# A *b*\n## Part\n## Part\n## 结果 $x$")
    assert [heading.anchor for heading in page.headings][:3] == ["a-b", "part", "part-2"]
    assert len({heading.anchor for heading in page.headings}) == 4


def test_a_picture_is_taken_in_or_told(page: MarkdownPage, tmp_path: Path) -> None:
    import base64

    (tmp_path / "a.png").write_bytes(base64.b64decode(PIXEL))
    assert f'<img src="data:image/png;base64,{PIXEL}" alt="dot">' in page.render("![dot](a.png)")
    assert "<img" not in page.render("![far](https://example.org/a.png) ![up](../../etc/passwd.png)")


def test_tables_scroll(page: MarkdownPage) -> None:
    assert '<div class="scroll"' in page.render("| a |\n|---|\n| b |")


def test_code_in_prose_is_coloured_and_escaped(page: MarkdownPage) -> None:
    found = page.render("```python\nif a < b: pass\n```")
    assert '<span class="k">if</span>' in found
    assert "&lt;" in found


def test_a_table_keeps_its_cells_and_loses_what_acts() -> None:
    cell = '<td style="color:red;position:fixed">&lt;b&gt;</td>'
    found = clean_html(f'<style>td{{color:red}}</style><table onclick="x">{cell}</table><script>1</script>')
    assert '<td style="color:red;">&lt;b&gt;</td>' in found
    assert "&lt;script&gt;1&lt;/script&gt;" in found
    assert "onclick" not in found
    assert "<style" not in found


def test_a_drawing_takes_the_page_s_colours_and_its_alt_text(page: MarkdownPage) -> None:
    style = '<style type="text/css">*{stroke-linejoin: round}</style>'
    svg = f'<svg viewBox="0 0 300 100" width="300pt">{style}<g id="axes_1" fill="#1D2330"/></svg>'
    found = output_html(
        output({"image/svg+xml": svg, "image/png": PIXEL}, **{"image/svg+xml": {"alt": 'a "b"'}}), page, "Part"
    )
    assert 'role="img" aria-label="a &quot;b&quot;"' in found
    assert 'fill="var(--ink)"' in found
    assert "<style" not in found
    assert "axes_1" not in found


@pytest.mark.parametrize(
    "inside", ["<script>1</script>", '<g onload="x"/>', '<a href="#b"/>', '<image href="https://example.org/a.png"/>']
)
def test_a_drawing_that_acts_gives_way_to_its_picture(page: MarkdownPage, inside: str) -> None:
    found = output_html(output({"image/svg+xml": f"<svg>{inside}</svg>", "image/png": PIXEL}), page, "Part")
    assert "<svg" not in found
    assert 'alt="Figure in the section Part"' in found


def test_a_widget_is_left_for_its_text(page: MarkdownPage) -> None:
    found = output_html(output({"application/vnd.jupyter.widget-view+json": "{}", "text/plain": "100 %"}), page, "Part")
    assert "100 %" in found
    assert "widget" not in found


def test_messages_are_folded_and_name_no_folder(page: MarkdownPage) -> None:
    text = "/home/me/venv/lib/pandas/core.py:3: FutureWarning: \x1b[31mold\x1b[0m"
    found = output_html({"output_type": "stream", "name": "stderr", "text": text}, page, "Part")
    assert found.startswith("<details")
    assert "/home/me" not in found
    assert "FutureWarning: old" in found


def test_mathematics_as_an_output_is_mathml(page: MarkdownPage) -> None:
    assert "<msup>" in output_html(output({"text/latex": r"$\displaystyle X^2$", "text/plain": "x"}), page, "Part")


def test_an_error_is_told_as_text() -> None:
    found = error_html("ValueError", "<b> in /home/me/x/y.py", "Traceback <i>")
    assert "&lt;b&gt; in" in found
    assert "/home/me" not in found
    assert "Traceback &lt;i&gt;" in found
