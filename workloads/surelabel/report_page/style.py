"""How the page looks, on a screen, on a phone and on paper."""

from __future__ import annotations


def _shades() -> str:
    """Nine steps for right cells and nine for wrong ones; text stays readable on each."""
    rules = []
    for name, colour, white_from in (("hit", (23, 74, 124), 7), ("miss", (190, 80, 0), 9)):
        for step in range(1, 10):
            share = 0.12 + 0.88 * step / 9
            red, green, blue = (round(255 + (part - 255) * share) for part in colour)
            ink = "#fff" if step >= white_from else "#000"
            rules.append(f".{name}{step}{{background:rgb({red} {green} {blue});color:{ink}}}")
    return "".join(rules)


STYLE = """
:root{color-scheme:light;--ink:#1d2430;--quiet:#525c6b;--line:#d5dae1;--people:#174a7c;
--machines:#c25f00;--nobody:#fff}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1120px;padding:0 20px 40px;background:#fff;color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:2rem;line-height:1.2;margin:0;overflow-wrap:anywhere}
h2{font-size:1.15rem;line-height:1.3;margin:0 0 8px}
p{margin:6px 0;max-width:46rem}
header{padding-top:28px}
.quiet{color:var(--quiet);font-size:.875rem}
.facts{display:flex;flex-wrap:wrap;gap:12px;margin:20px 0}
.facts div{flex:1 1 150px;border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.facts dt{color:var(--quiet);font-size:.875rem}
.facts dd{margin:0}
.facts strong{display:block;font-size:1.35rem;line-height:1.3}
.facts span{font-size:.875rem;color:var(--quiet)}
.statement{border-left:4px solid var(--machines);padding-left:14px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));
gap:0 40px}
section{margin-top:34px;break-inside:avoid;min-width:0}
figure{margin:0}
figcaption{font-size:.875rem;color:var(--quiet)}
.legend{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:.875rem;margin:0}
.mark i{display:inline-block;width:.8em;height:.8em;border:1px solid var(--quiet)}
i.people{background:var(--people)}i.machines{background:var(--machines)}
i.nobody{background:var(--nobody)}
svg{display:block;width:100%;height:auto}
svg text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
fill:var(--ink)}
svg .quiet{fill:var(--quiet)}svg .strong{font-weight:700}
rect.people,circle.people{fill:var(--people)}
rect.machines,circle.machines{fill:var(--machines)}
rect.nobody{fill:var(--nobody);stroke:var(--quiet);stroke-width:1}
circle.refused{fill:#fff;stroke:var(--quiet);stroke-width:2}
line.grid{stroke:var(--line)}line.axis{stroke:var(--quiet)}
line.range{stroke-width:2}line.machines{stroke:var(--machines)}line.refused{stroke:var(--quiet)}
line.target{stroke:var(--ink);stroke-width:2;stroke-dasharray:5 4}
line.ideal{stroke:var(--quiet);stroke-dasharray:4 4}
.band{fill:#f3d9bf}.forecast{fill:none;stroke:var(--machines);stroke-width:2;
stroke-dasharray:6 4}
details{font-size:.875rem;margin-top:6px}
summary{cursor:pointer;color:#0b4f8a;text-decoration:underline;padding:4px 0}
summary:focus-visible,.scroll:focus-visible{outline:3px solid #0b4f8a;outline-offset:2px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--quiet);padding:4px 0}
th,td{padding:4px 10px;border-bottom:1px solid var(--line);text-align:right}
th{font-weight:600}tbody th,thead th:first-child{text-align:left}
.matrix td,.matrix th{text-align:center;min-width:2.6em;padding:5px 8px;border:1px solid #fff}
.matrix tbody th{text-align:right}
.matrix td:empty{background:#f5f6f8}
.cards{list-style:none;margin:12px 0 0;padding:0;display:grid;gap:14px;
grid-template-columns:repeat(auto-fill,minmax(122px,1fr))}
.cards:has(.words){grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr))}
.cards li{border:1px solid var(--line);border-radius:8px;padding:8px;break-inside:avoid;
overflow-wrap:anywhere}
.cards p{margin:4px 0 0}
.picture{position:relative;display:inline-block;line-height:0;max-width:100%}
.picture img{max-width:100%}
.picture svg{position:absolute;inset:0;width:100%;height:100%}
.picture svg *{fill:none;stroke:#ffd400;stroke-width:2px;vector-effect:non-scaling-stroke;
paint-order:stroke}
.pixels{image-rendering:pixelated}
blockquote{margin:0;white-space:pre-wrap}
mark{background:#ffe9a8;color:inherit;border-radius:3px;padding:0 2px}
.missing{color:var(--quiet);font-style:italic;font-size:.875rem}
footer{margin-top:40px;border-top:1px solid var(--line);color:var(--quiet);font-size:.875rem}
@media print{body{max-width:none;padding:0;font-size:11pt;print-color-adjust:exact;
-webkit-print-color-adjust:exact}
.figures{display:block;columns:2;column-gap:24px}section{margin-top:16px}
details{display:none}
section.wide{break-inside:auto}h2,h2+p{break-after:avoid}
.scroll{overflow:visible}}
""" + _shades()
