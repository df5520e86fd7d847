"""Source code as HTML; its colours are the page's, for light and for dark."""

from __future__ import annotations

import html

__all__ = ["highlighted"]


def highlighted(source: str, language: str = "python") -> str:
    """Source code with a class a token, in a box that scrolls; an unknown language stays plain.

    Parameters
    ----------
    source
        The code.
    language
        Pygments' name of its language.
    """
    from pygments import highlight  # type: ignore[import-untyped]
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    try:
        body = highlight(source.rstrip(), get_lexer_by_name(language), HtmlFormatter(nowrap=True))
    except ClassNotFound:
        body = html.escape(source.rstrip())
    return f'<pre class="code" tabindex="0"><code>{body}</code></pre>'
