"""Draws the program of production for the README: `python -m tests.reporting.picture docs/architecture.svg`.

It is the picture of the report's page, without what no arrow leads to, and with its colours for light and dark within,
since a picture knows no page.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from cli.reporting.architecture import architecture
from cli.reporting.architecture_chart import architecture_chart
from cli.reporting.graph import parse_graph
from cli.reporting.style import LINES, SHAPES, SURFACES, TEXTS, Colour
from tests.program.kit import ROOT, recorded

PLACE: Final = ROOT / "docs" / "architecture.svg"
_RULES: Final = """\
text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--soft)}
text.strong,text.title{fill:var(--ink);font-weight:600}
.ground{fill:var(--ground)}
.box{fill:var(--card);stroke:var(--line);stroke-width:1.5}
.region{fill:none;stroke:var(--line);stroke-dasharray:6 4}
.path{fill:none;stroke-width:2}
.grey-line{stroke-width:1.2}
"""


def drawn() -> str:
    """Give the picture as a file of its own."""
    # Resources are registered in an order of their own each time.
    items = [asdict(item) for item in sorted(recorded("prod").resources, key=lambda one: one.urn)]
    found = architecture(parse_graph(json.dumps(items, default=str), "recorded"))
    joined = {key for arrow in found.arrows for key in (arrow.source, arrow.target)}
    shown = replace(found, boxes=tuple(box for box in found.boxes if box.key in joined))
    svg = str(architecture_chart(shown)).replace("the tables below say", "docs/design.md says")
    head, _, rest = svg.partition(">")
    ground = '<rect class="ground" width="100%" height="100%"/>'
    return f'{head} xmlns="http://www.w3.org/2000/svg">\n<style>\n{_style()}</style>\n{ground}{_lines(rest)}\n'


def _style() -> str:
    colours: dict[str, Colour] = {**SURFACES, **TEXTS, **SHAPES, **LINES}
    light, dark = (
        "".join(f"--{name}:{colour[number]};" for name, colour in colours.items())
        for number in range(len(Colour._fields))
    )
    shapes = "".join(f".{name}{{fill:var(--{name})}}.{name}-line{{stroke:var(--{name})}}\n" for name in SHAPES)
    return f":root{{{light}}}\n@media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n{_RULES}{shapes}"


def _lines(svg: str) -> str:
    """Begin a line for each element: then what differs between two versions can be read."""
    return svg.replace("><", ">\n<")


def main(arguments: list[str]) -> int:
    """Write the file that is named."""
    Path(arguments[0]).write_text(drawn(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
