"""The look of the report's page: light and dark by the reader's setting, and plain on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d1f21; --paper: #ffffff; --faint: #5c6166;
  --line: #d5d8dc; --band: #f4f5f7; --link: #1a5fb4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6e8; --paper: #16181b; --faint: #a2a8ae;
  --line: #3a3f45; --band: #202328; --link: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1.25rem 4rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.35rem; margin: 2.5rem 0 .75rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
a { color: var(--link); }
nav { margin: 1rem 0; }
nav a { margin-right: 1rem; white-space: nowrap; }
li { margin: .3rem 0; overflow-wrap: anywhere; }
.lead, .note, figcaption { color: var(--faint); }
.note, figcaption { font-size: .85rem; margin: .3rem 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin-top: 1.25rem; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { border-bottom: 2px solid var(--line); }
th.n, td.n { text-align: right; }
td { max-width: 26rem; overflow-wrap: anywhere; }
td:first-child { white-space: nowrap; }
tbody tr:nth-child(even) { background: var(--band); }
td a { color: inherit; text-decoration-color: var(--faint); text-underline-offset: .15em; }
td:target { outline: 2px solid var(--link); }
figure { margin: 1.75rem 0; }
figure img { display: block; max-width: 100%; height: auto; background: #ffffff; padding: .25rem;
  border-radius: .35rem; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .85em; }
pre { background: var(--band); padding: .75rem; overflow-x: auto; white-space: pre-wrap;
  overflow-wrap: anywhere; }
@media print {
  :root { --ink: #000000; --paper: #ffffff; --faint: #333333; --line: #999999; --band: #ffffff;
    --link: #000000; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding: .15rem .4rem .15rem 0; }
  td:first-child { white-space: normal; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""
