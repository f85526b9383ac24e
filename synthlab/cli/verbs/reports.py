"""Verbs that hand an experiment or a run to other people."""

from __future__ import annotations

from synthlab.cli.verbs.parts import Verb

VERBS: tuple[Verb, ...] = ()
