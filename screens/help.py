"""All keys that work now, made from the tables of actions: those of the place first, the app's last."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget

from screens.actions import ActionHost, key_text
from screens.safety import joined, line
from screens.widgets.facts import Facts


class Help(ModalScreen[None]):
    """Scrolls; `escape` closes it."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > Vertical { width: 92; max-width: 100%; height: 90%; border: round $accent; background: $surface; }
    """
    BINDINGS = [("escape,q,question_mark", "dismiss", "close")]

    def __init__(self, hosts: Sequence[ActionHost]) -> None:
        super().__init__()
        self._hosts = tuple(hosts)

    def compose(self) -> ComposeResult:
        """One scrolling text."""
        with Vertical() as box:
            box.border_title = line("help")
            box.border_subtitle = line("esc: close   j k: scroll")
            yield Facts()

    def on_mount(self) -> None:
        """Fill it for where the focus was."""
        from typing import cast

        from screens.app import LabApp

        app = cast(LabApp, self.app)
        below = app.screen_stack[-2]
        *inner, outer = self._hosts
        rows = [row for host in inner for row in _section(app, host)]
        focused = below.focused
        if focused is not None and not isinstance(focused, ActionHost):
            rows += _widget_section(focused)
        rows += _section(app, outer)
        facts = self.query_one(Facts)
        facts.say(Content("\n").join(rows))
        facts.focus()


def _section(app: ActionHost, host: ActionHost) -> list[Content]:
    from screens.app import LabApp

    assert isinstance(app, LabApp)
    name = (
        "everywhere"
        if isinstance(host, LabApp)
        else type(host).__name__.removesuffix("Screen").lower()
    )
    rows = [line(name, "bold $accent")]
    for action in host.ACTIONS:
        reason = app.refusal(host, action)
        keys = ", ".join(key_text(key) for key in action.keys.split(","))
        rows.append(joined(line(f"  {keys:<9}  ", "bold"), line(action.help)))
        if action.headless:
            rows.append(
                line(f"             $ {host.headless(action) or action.headless}", "$lab-muted")
            )
        if reason:
            rows.append(line(f"             not now: {reason}", "$warning"))
    return [*rows, line("")]


def _widget_section(widget: Widget) -> list[Content]:
    """Keys that the focused widget brings along, such as those of a table or a text field."""
    keys: dict[str, list[str]] = {}
    words: dict[str, str] = {}
    for active in widget.screen.active_bindings.values():
        binding = active.binding
        if active.node is widget and binding.description:
            keys.setdefault(binding.action, []).append(key_text(binding.key))
            words[binding.action] = binding.description.lower().removeprefix("cursor ")
    rows = [line("moving in it", "bold $accent")]
    for action, found in keys.items():
        rows.append(joined(line(f"  {', '.join(found):<14}", "bold"), line(words[action])))
    return [*rows, line("")]
