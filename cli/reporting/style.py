"""How the page looks: colours by role for light and dark, and the rules that use them.

Text stands on `ground` or `card`, and has a contrast of 4.5 to both; shapes that mean something have 3
(Web Content Accessibility Guidelines 2.2, 1.4.3 and 1.4.11). A test computes them from this table.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Colour(NamedTuple):
    """A colour in light and in dark."""

    light: str
    dark: str


SURFACES: Final = {"ground": Colour("#f3f5f8", "#0e1116"), "card": Colour("#ffffff", "#171b22")}
TEXTS: Final = {
    "ink": Colour("#15191f", "#e9edf2"),
    "soft": Colour("#4a5563", "#aab4c1"),
    "link": Colour("#1a56b4", "#86b6ff"),
    "good": Colour("#17693d", "#5fd394"),
    "warning": Colour("#855100", "#f2bb55"),
    "bad": Colour("#b0231c", "#ff9087"),
    "unknown": Colour("#525d6a", "#a3adba"),
}
SHAPES: Final = {
    "first": Colour("#2f6fd6", "#6ea6ff"),
    "second": Colour("#8a4fc4", "#c59cf7"),
    "third": Colour("#0b7f86", "#4cc4cb"),
    "fine": Colour("#2a8f57", "#4bc283"),
    "amber": Colour("#b87503", "#e3a83d"),
    "orange": Colour("#c65a11", "#f28a4b"),
    "red": Colour("#cf3a31", "#f4766c"),
    "grey": Colour("#75808d", "#8792a0"),
}
LINES: Final = {"line": Colour("#d3d9e1", "#313945")}

_RULES: Final = """
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
header,main,footer{max-width:1200px;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;line-height:1.25;margin:.25rem 0}
h2{font-size:1.1rem;line-height:1.3;margin:0 0 .5rem}
h3{font-size:1rem;margin:1rem 0 .25rem}
p{margin:.25rem 0}
a{color:var(--link)}
.soft,.note,figcaption,caption,summary{color:var(--soft)}
.note,figcaption,caption{font-size:.875rem;text-align:left}
.skip{position:absolute;left:-999px}
.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.grid{display:grid;gap:1rem;grid-template-columns:repeat(12,minmax(0,1fr))}
.card{grid-column:span 12;min-width:0;padding:1rem;container-type:inline-size}
.card,.tiles div{background:var(--card);border:1px solid var(--line);border-radius:10px}
@media(min-width:760px){.half,.third{grid-column:span 6}}
@media(min-width:1080px){.third{grid-column:span 4}}
.findings{list-style:none;margin:.5rem 0 0;padding:0;display:grid;gap:.375rem}
.findings li{display:flex;gap:.5rem;align-items:baseline;overflow-wrap:anywhere}
.mark{flex:none;font-weight:700;font-size:.8125rem;border:1px solid currentcolor;border-radius:4px;padding:0 .375rem}
.tiles{margin:0 0 1rem;display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:.75rem}
.tiles div{padding:.625rem .875rem;min-width:0}
.tiles dt{font-size:.875rem;color:var(--soft)}
.tiles dd{margin:0;font-size:1.25rem;font-weight:600;overflow-wrap:anywhere}
@media(max-width:420px){.tiles dd{font-size:1.0625rem}}
.tiles dd small{display:block;font-size:.8125rem;font-weight:400;color:var(--soft)}
figure{margin:0}
svg{display:block;width:100%;height:auto}
svg text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--soft)}
@container(max-width:330px){.card>svg text{font-size:13px}}
@container(min-width:440px){.card>svg text{font-size:10px}}
svg .strong{fill:var(--ink);font-weight:600}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:.5rem 0;padding:0;font-size:.875rem}
.legend i{display:inline-block;width:.75rem;height:.75rem;border-radius:2px;margin-right:.375rem;vertical-align:-1px}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;width:100%;font-size:.875rem}
caption{padding:.25rem 0;caption-side:top}
th,td{text-align:left;padding:.3rem .5rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.name{overflow-wrap:anywhere;min-width:6rem}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
th{font-weight:600}
details{margin-top:.5rem}
summary{cursor:pointer;font-size:.875rem;padding:.25rem 0}
.picture svg{min-width:1200px}
.picture .box{fill:var(--card);stroke:var(--line);stroke-width:1.5}
.picture .region{fill:none;stroke:var(--line);stroke-dasharray:6 4}
.picture svg text{font-size:13px}
.picture text.title{fill:var(--ink);font-weight:600}
.axis{stroke:var(--line);stroke-width:1}
.path{fill:none;stroke-width:2}
.picture .grey-line{stroke-width:1.2}
.failed-mark{stroke:var(--card);stroke-width:1.5}
@media print{body{background:#fff}.card{break-inside:avoid}details{display:none}}
"""


def stylesheet() -> str:
    """Give the style sheet: the colours as variables, then the rules."""
    colours = {**SURFACES, **TEXTS, **SHAPES, **LINES}
    light = "".join(f"--{name}:{colour.light};" for name, colour in colours.items())
    dark = "".join(f"--{name}:{colour.dark};" for name, colour in colours.items())
    texts = "".join(f".{name}{{color:var(--{name})}}" for name in ("good", "warning", "bad", "unknown"))
    shapes = "".join(
        f"svg .{name}{{fill:var(--{name})}}svg .{name}-line{{stroke:var(--{name})}}"
        f".legend .{name}{{background:var(--{name})}}"
        for name in SHAPES
    )
    dark_rule = f"@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return f":root{{{light}}}{dark_rule}{_RULES.strip()}{texts}{shapes}"
