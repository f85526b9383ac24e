"""Verbs that walk from a number to its rows and back."""

from __future__ import annotations

from synthlab.cli.verbs.parts import Verb

VERBS: tuple[Verb, ...] = ()
