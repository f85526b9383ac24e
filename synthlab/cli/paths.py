"""`synthlab paths`: where everything lies that this lab reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.home import LabHome
from synthlab.cli.output import Column, text_column
from synthlab.cli.session import Session
from synthlab.errors import ExitCode
from synthlab.experiment.hub import hub_from_environment
from synthlab.experiment.recipes import recipe_folder


@dataclass(frozen=True)
class LabPath:
    """One place."""

    name: str
    path: Path
    purpose: str

    @property
    def is_there(self) -> bool:
        """Whether something lies there; settings and preferences need not."""
        return self.path.exists()


def show_paths(session: Session) -> ExitCode:
    """Print every place, whether or not something lies there yet."""
    rows = [
        {"name": p.name, "path": str(p.path), "purpose": p.purpose, "is_there": p.is_there}
        for p in lab_paths(session.home, session.environment)
    ]
    if session.arguments.json:
        session.output.json("paths", {"rows": rows})
    else:
        columns = [
            text_column("what", "name"),
            Column("there", lambda row: "yes" if row["is_there"] else "no"),
            text_column("path", "path"),
            text_column("for", "purpose"),
        ]
        session.output.table(columns, rows)
    return ExitCode.DONE


def lab_paths(home: LabHome, environment: Mapping[str, str]) -> tuple[LabPath, ...]:
    """Every place, for the verb and for the console alike."""
    hub = hub_from_environment(environment, Path(environment.get("HOME", "~")).expanduser())
    return (
        LabPath("lab home", home.root, "--home, SYNTHLAB_HOME or XDG_DATA_HOME move it"),
        LabPath("catalog", home.catalog, "index of everything below; can be made again"),
        LabPath("runs", home.runs, "a directory for each run, with its log.txt"),
        LabPath("experiments", home.experiments, "experiment files as they were planned"),
        LabPath("settings", home.settings, "of this lab: slots, prices, GPUs; optional"),
        LabPath("supervisor log", home.supervisor_log, "what the supervisor had to say"),
        LabPath("error log", home.error_log, "where commands met what nobody had foreseen"),
        LabPath("console log", home.console_log, "the same of the console"),
        LabPath("cache", home.cache, "can be deleted while nothing runs"),
        LabPath("preferences", preferences_path(environment), "of the console; optional"),
        LabPath("recipes", recipe_folder(), "experiments that come with the lab"),
        LabPath("models", hub.cache, "downloaded models; HF_HOME moves it"),
    )


def preferences_path(environment: Mapping[str, str]) -> Path:
    """Where the console's preferences are looked for."""
    base = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME", "~")) / ".config"
    return Path(base).expanduser() / "synthlab" / "console.toml"
