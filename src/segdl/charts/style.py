"""How the page of a report looks, in light and in dark."""

from __future__ import annotations

# The colours of series keep apart for most who do not see all of them, in both modes.
STYLE = """
:root {
  --paper: #fcfcfb; --card: #f3f2ee; --ink: #1b1b19; --soft: #63625c; --grid: #e4e3dd;
  --axis: #b9b8b0; --c0: #2a6fd0; --c1: #d2640f; --c2: #11875d; --c3: #8a52c4; --c4: #c0392f;
  --c5: #8c7400; --c6: #35798a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #161615; --card: #22221f; --ink: #f1f0ea; --soft: #a5a49b; --grid: #2f2f2b;
    --axis: #55544d; --c0: #5b9cf2; --c1: #f08f3e; --c2: #3fbd8c; --c3: #b98bec; --c4: #f0766b;
    --c5: #cfb53b; --c6: #6cb6c9;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 40px 24px 64px; max-width: 940px; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
}
h1 { margin: 2px 0; font-size: 27px; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 44px 0 10px; font-size: 17px; }
p { margin: 0; }
.what { color: var(--soft); font-size: 13px; letter-spacing: .06em; text-transform: uppercase; }
.where { color: var(--soft); overflow-wrap: anywhere; }
.finding {
  margin-top: 24px; padding: 18px 22px; background: var(--card); border-radius: 8px;
  border-left: 4px solid var(--c0);
}
.finding p { font-size: 20px; line-height: 1.4; font-weight: 600; }
.finding ul { margin: 10px 0 0; padding-left: 18px; color: var(--soft); }
.finding li { overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 12px 40px; margin-top: 24px; }
.facts b { display: block; font-size: 20px; font-weight: 600; }
.facts span, .small, figcaption, .legend { color: var(--soft); font-size: 13px; }
figure { margin: 0; }
figcaption { margin-top: 8px; max-width: 70ch; }
svg { display: block; width: 100%; height: auto; font-size: 12px; }
.big svg { min-width: 600px; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(380px, 1fr)); gap: 20px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-bottom: 8px; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 6px; }
.tick, .name { fill: var(--soft); }
.title { fill: var(--ink); font-size: 13px; font-weight: 600; }
.grid { stroke: var(--grid); }
.axis { stroke: var(--axis); }
.series { fill: none; stroke-width: 2; stroke-linejoin: round; }
.whisker { stroke-width: 1.5; }
.run { opacity: .55; }
.median { stroke: var(--paper); stroke-width: 1.5; }
.band { stroke: var(--paper); stroke-width: .75; fill: var(--c0); }
.b1 { fill-opacity: .72; }
.c0 { fill: var(--c0); background: var(--c0); } .s0 { stroke: var(--c0); }
.c1 { fill: var(--c1); background: var(--c1); } .s1 { stroke: var(--c1); }
.c2 { fill: var(--c2); background: var(--c2); } .s2 { stroke: var(--c2); }
.c3 { fill: var(--c3); background: var(--c3); } .s3 { stroke: var(--c3); }
.c4 { fill: var(--c4); background: var(--c4); } .s4 { stroke: var(--c4); }
.c5 { fill: var(--c5); background: var(--c5); } .s5 { stroke: var(--c5); }
.c6 { fill: var(--c6); background: var(--c6); } .s6 { stroke: var(--c6); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th { color: var(--soft); font-weight: 500; }
th, td { padding: 5px 10px; text-align: right; white-space: nowrap; }
th:first-child, td:first-child, td:last-child, th:last-child { text-align: left; }
th:first-child, td:first-child { padding-left: 0; }
tbody tr { border-top: 1px solid var(--grid); }
td { font-variant-numeric: tabular-nums; }
td:has(> .bar) { width: 30%; padding: 5px 4px; }
.told th, .told td { text-align: left; vertical-align: top; }
.told td { white-space: normal; overflow-wrap: anywhere; }
.told th:first-child { width: 25%; }
.told td:nth-child(2) { white-space: nowrap; }
.numbers th:last-child, .numbers td:last-child { text-align: right; padding-right: 0; }
figure + .wide { margin-top: 20px; }
.bar { height: 11px; border-radius: 0 3px 3px 0; min-width: 2px; }
details { border-top: 1px solid var(--grid); padding: 8px 0; }
summary { cursor: pointer; }
details ul { margin: 8px 0; padding: 0; list-style: none; }
details li { padding: 3px 0; font: 12px/1.5 ui-monospace, Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
pre { margin: 8px 0; padding: 12px 16px; overflow: auto; max-height: 480px; border-radius: 6px;
  background: var(--card); font: 12px/1.5 ui-monospace, Menlo, Consolas, monospace; }
.area { fill: var(--c0); fill-opacity: .18; }
.lane { fill: var(--card); }
.wait { fill: var(--c1); }
.range { stroke-width: 6; stroke-linecap: round; opacity: .35; }
.bad { border-left-color: var(--c4); }
.good { border-left-color: var(--c2); }
footer { margin-top: 40px; }
@media (max-width: 460px) { .panels { grid-template-columns: 1fr; } }
"""
