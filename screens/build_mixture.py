"""Building a mixture of finished sources: shares as bars, counts and first rows live, one table in a file."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from screens.safety import joined, line
from screens.snapshots.mixture_preview import Material, Preview, preview
from screens.widgets.share_bars import ShareBars
from synthlab.errors import ConflictError, SynthlabError, UsageError
from synthlab.execution.finished_sources import Placed, place_sources
from synthlab.experiment.edit import NewTable, TomlValue, add_to_file, new_file
from synthlab.experiment.load import decode_spec, read_raw
from synthlab.experiment.recipes import recipe_folder
from synthlab.experiment.spec import Assign
from synthlab.experiment.table_reader import NAME, NAME_RULE

if TYPE_CHECKING:
    from screens.app import LabApp


class BuildMixture(ModalScreen[Path | None]):
    """Answers the file that the mixture was written into; `escape` writes nothing."""

    DEFAULT_CSS = """
    BuildMixture { align: center middle; }
    BuildMixture > Vertical { width: 110; max-width: 100%; height: auto; max-height: 100%;
        border: round $accent; padding: 0 1; background: $surface; }
    BuildMixture Horizontal { height: 1; }
    BuildMixture Horizontal > Static { width: auto; color: $lab-muted; margin-right: 1; }
    BuildMixture Input { border: none; height: 1; padding: 0; background: $surface; width: 1fr; }
    BuildMixture Input:focus { background: $panel; }
    BuildMixture #rows { width: 10; }
    BuildMixture #shares { height: auto; max-height: 8; margin: 1 0; }
    BuildMixture #first { height: auto; max-height: 8; }
    BuildMixture #twin { height: auto; max-height: 2; color: $lab-muted; }
    BuildMixture #answer { height: auto; max-height: 3; }
    """
    BINDINGS = [
        Binding("escape", "dismiss(None)", "back", id="mixture.back"),
        Binding("enter", "write", "write", id="mixture.write"),
        Binding("ctrl+g", "assign", "assign", id="mixture.assign"),
    ]

    def __init__(self, material: Material, *, unicode: bool) -> None:
        super().__init__()
        self._material = material
        self._unicode = unicode
        self._assign: Assign = "random"
        self._preview: Preview | None = None
        self._names = tuple(source.suggested for source in material.sources)
        """Of the sources in the file that is named at the moment."""
        self._is_busy = False

    @property
    def lab(self) -> LabApp:
        """The app, by its own type."""
        return cast("LabApp", self.app)

    def compose(self) -> ComposeResult:
        """Names, shares, rows, twin."""
        file = self._material.target.file or Path.cwd() / "mixture.toml"
        names = [source.key.generator for source in self._material.sources]
        with Vertical() as box:
            box.border_title = line(f"a mixture of {len(names)} sources")
            box.border_subtitle = line("←→: share  tab: next  ^g: assign  enter: write  esc: back")
            with Horizontal():
                yield Static(line("name"))
                yield _input("multi", "name")
                yield Static(line("rows"))
                yield _input("", "rows", "all")
                yield Static(id="how")
            with Horizontal():
                yield Static(line("file"))
                yield _input(str(file), "file")
            yield ShareBars(names, unicode=self._unicode, id="shares")
            yield Static(id="first")
            yield Static(id="twin")
            yield Static(id="answer")

    def on_mount(self) -> None:
        """The keys go to the shares."""
        self.query_one("#shares").focus()
        self._learn_names()
        self._reckon()

    def on_share_bars_changed(self, event: ShareBars.Changed) -> None:
        """Count again."""
        event.stop()
        self._reckon()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Count again; the twin follows."""
        event.stop()
        if event.input.id == "file":
            self._learn_names()
        self._reckon()

    def _learn_names(self) -> None:
        """A file that has the sources has names of its own for them."""
        self._names = tuple(source.suggested for source in self._material.sources)
        file = Path(self._value("file")).expanduser()
        if file.suffix == ".toml" and file.is_file():
            with suppress(SynthlabError):
                text = decode_spec(read_raw(file), file)
                self._names = place_sources(text, file, self._material.sources).names

    def action_assign(self) -> None:
        """The next way to say who answers what."""
        ways = get_args(Assign)
        self._assign = ways[(ways.index(self._assign) + 1) % len(ways)]
        self._reckon()

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    @property
    def _shares(self) -> tuple[int, ...]:
        return self.query_one(ShareBars).shares

    def _reckon(self) -> None:
        self.query_one("#how", Static).update(line(f"assign {self._assign}"))
        rows = self._value("rows")
        if rows and not (rows.isdecimal() and int(rows) > 0):
            made = Preview((0,) * len(self._shares), (), "", "rows must be a number above 0")
        else:
            made = preview(self._material, self._shares, self._assign, int(rows) if rows else None)
        self._preview = made
        self.query_one(ShareBars).show_counts(made.counts)
        self._show_rows(made)
        self.query_one("#twin", Static).update(joined("$ ", line(self._twin())))
        self._answer(made.problem or made.note, "$error" if made.problem else "$warning")

    def _twin(self) -> str:
        rows = self._value("rows")
        words = ["synthlab", "mixtures", "add", self._value("file"), self._value("name")]
        for name, share in self._named_shares():
            words += ["--share", f"{name}={share}"]
        words += ["--assign", self._assign] if self._assign != "random" else []
        return shlex.join(words + (["--rows", rows] if rows else []))

    def _named_shares(self) -> list[tuple[str, int]]:
        pairs = zip(self._names, self._shares, strict=True)
        return [(name, share) for name, share in pairs if share > 0]

    def _show_rows(self, made: Preview) -> None:
        lines = [line(f"first of {sum(made.counts)} rows", "bold")]
        for row in made.first:
            who = self._names[row.part]
            text = f"{row.asked} → {row.answered}"
            lines.append(joined(line(f"{who[:14]:<14} ", "$primary"), line(text)))
        width = max(20, self.size.width - 6)
        cut = [one.truncate(min(width, 104), ellipsis=True) for one in lines]
        self.query_one("#first", Static).update(Content("\n").join(cut))

    def _answer(self, text: str, style: str) -> None:
        self.query_one("#answer", Static).update(line(f"! {text}", style) if text else Content(""))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """`enter` in a line writes as well."""
        event.stop()
        self.action_write()

    def action_write(self) -> None:
        """Write it, or say why not."""
        made = self._preview
        if not self._is_busy and made is not None and not made.problem:
            self._is_busy = True
            self.run_worker(self._try())

    async def _try(self) -> None:
        file, name = Path(self._value("file")).expanduser(), self._value("name")
        try:
            await self.lab.requests.in_thread(lambda: self._write(file, name))
        except (SynthlabError, OSError) as error:
            self._answer(str(getattr(error, "strerror", None) or error), "$error")
            return
        finally:
            self._is_busy = False
        self.lab.command_log.append(self._twin())
        self.dismiss(file)

    def _write(self, file: Path, name: str) -> None:
        base = self._material.target.base
        if not NAME.fullmatch(name):
            raise UsageError(f"{name!r} {NAME_RULE}")
        if file.parent.resolve() == recipe_folder().resolve():
            raise ConflictError("recipes come with the program", "name a file of your own")
        text = decode_spec(read_raw(file), file) if file.exists() else new_file(file, base)
        placed = place_sources(text, file, self._material.sources)
        add_to_file(file, (*placed.tables, self._table(name, placed)), base=base)

    def _table(self, name: str, placed: Placed) -> NewTable:
        shares: dict[str, TomlValue] = {}
        for source, share in zip(placed.names, self._shares, strict=True):
            if share > 0:
                before = shares.get(source, 0)
                shares[source] = (before if isinstance(before, int) else 0) + share
        values: dict[str, TomlValue] = {"shares": shares}
        if self._assign != "random":
            values["assign"] = self._assign
        if rows := self._value("rows"):
            values["rows"] = int(rows)
        return NewTable("mixtures", name, values)


def _input(value: str, name: str, hint: str = "") -> Input:
    made = Input(value, placeholder=hint, id=name, compact=True, select_on_focus=False)
    made.cursor_blink = False
    return made
