"""Inference for all three axes, so that every number on display has the same honest error bars.

Numpy and the standard library only. Nothing is imported here: `comparability`, `multiplicity`,
`verdict` and `estimates` stay free of numpy for verbs that only show stored results.

Start at: `align` (same rows on both sides), `intervals` (one run), `paired` and `corpus` (two
runs), `seeds` (conditions), `comparability` (may they be compared at all), `multiplicity`,
`verdict`.
"""
