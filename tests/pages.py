"""Writes `docs/signatures/`: a page for each component, made from the signature files.

Run it after changing a signature: `python tests/pages.py`. A test says when the pages are stale.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from diagnose.catalogue import default_root, load
from diagnose.model import Signature
from diagnose.report.signature import to_page

DOCS = Path(__file__).parent.parent / "docs" / "signatures"


def pages() -> dict[str, str]:
    """File name to contents, for every page."""
    components: dict[str, list[Signature]] = defaultdict(list)
    for signature in load(default_root()).values():
        components[signature.component].append(signature)
    written = {f"{name}.md": _page(name, members) for name, members in components.items()}
    written["README.md"] = _index(components)
    return written


def _page(component: str, members: list[Signature]) -> str:
    parts = [f"# {component}\n\nMade from `signatures/{component}/*.toml` by `tests/pages.py`."]
    for signature in members:
        page = to_page(signature).replace("\n## ", "\n### ").replace("# ", "## ", 1)
        parts.append(f'<a id="{signature.mechanism}"></a>\n\n{page.strip()}')
    return "\n\n".join(parts) + "\n"


def _index(components: dict[str, list[Signature]]) -> str:
    lines = [
        "# The catalogue",
        "",
        "Made from the files under `signatures/` by `tests/pages.py`.",
        "",
        "| signature | role | what is wrong |",
        "|---|---|---|",
    ]
    for component, members in sorted(components.items()):
        lines += [
            f"| [{s.id}]({component}.md#{s.mechanism}) | {s.role} | {s.title.replace('|', chr(92) + '|')} |"
            for s in members
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCS.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
