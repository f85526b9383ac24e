"""What a place says while it has nothing to show: what is missing, and the key and command that bring it."""

from __future__ import annotations

from textual.content import Content

from screens.safety import joined, line


def nothing_in_lab(what: str, launching: str = "launches an experiment") -> Content:
    """For a list of which the lab has none; what: the sentence that says so."""
    return Content("\n").join(
        [
            line(what, "bold"),
            line(""),
            _launch(launching),
            line(""),
            line("The same from a shell:"),
            line("   synthlab run tiny", "$lab-muted"),
        ]
    )


def nothing_measured(experiment: str | None, missing: str, coming: str, command: str) -> Content:
    """For a place that shows one experiment; experiment: None where there is not even that.

    missing: what follows the experiment's name; coming: when it will be there; command: its verb.
    """
    rows = [line("There is no experiment yet.", "bold")]
    if experiment is not None:
        rows = [line(f"{experiment}{missing}", "bold"), line(f"R lists its runs; {coming}")]
    rows += [_launch("launches an experiment"), line(""), line("The same from a shell:")]
    rows += [line("   synthlab run tiny"), line(f"   synthlab {command} EXPERIMENT")]
    return Content("\n").join(rows)


def _launch(launching: str) -> Content:
    return joined(line("L", "bold $accent"), line(f"  {launching}"))
