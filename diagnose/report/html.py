"""A `Diagnosis` as one HTML page that loads nothing and runs nothing.

Floor 10: pure. The page is the Markdown report, rendered: what keeps log text from being markup there keeps it
from being markup here.
"""

from __future__ import annotations

from html import escape

from markdown_it import MarkdownIt

from diagnose.model import Diagnosis
from diagnose.report.markdown import to_markdown
from diagnose.report.words import VERDICT, printable

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ max-width: 62rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }}
pre {{ padding: .6rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #8888; border-radius: .3rem; line-height: 1.25; }}
code {{ font: .9em ui-monospace, monospace; }}
h2 {{ border-bottom: 2px solid {colour}; padding-bottom: .3rem; }}
blockquote {{ margin-left: 0; padding-left: 1rem; border-left: 4px solid #c60; }}
</style>
</head>
<body>
{body}</body>
</html>
"""
_COLOURS = {
    "failed": "#c22",
    "hung": "#c22",
    "slow": "#b80",
    "undecidable": "#b80",
    "healthy": "#282",
}


def to_html(diagnosis: Diagnosis) -> str:
    """The report as a page."""
    # A fence and a code span are all the markup that log text stands in; raw HTML is never passed on.
    markdown = MarkdownIt("commonmark", {"html": False})
    title = f"{VERDICT[diagnosis.verdict]}: {printable(diagnosis.verdict_why)}"
    return _PAGE.format(
        title=escape(title),
        colour=_COLOURS[str(diagnosis.verdict)],
        body=markdown.render(to_markdown(diagnosis)),
    )
