"""Actions are data: one table of each screen makes its keys, its help, its palette and its command log.

A key press, a palette entry and a test all come through `ActionHost.perform`. An action that is not
possible at the moment stays visible and says why.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Action:
    """Something that a user can do on a screen.

    The method `do_<name>` of the screen does it, `name` being the part of the id after the point; the
    method may be a coroutine. `why_not_<name>`, where there is one, returns the reason against it or "".
    """

    id: str
    """`screen.name`; settings re-map keys by it."""
    keys: str
    """Comma-separated, as the framework spells them."""
    label: str
    help: str
    headless: str = ""
    """The command line that does the same; `{run}` and the like come from the screen."""
    writes: bool = False
    """Whether it changes the lab: refused in a console that only looks."""
    hidden: bool = False
    """Left out of the key line; help and palette still show it."""

    @property
    def name(self) -> str:
        """The part of the id after the point, as in the names of methods."""
        return self.id.rpartition(".")[2].replace("-", "_")


KEY_SIGNS = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "comma": ",",
    "space": "space",
    "escape": "esc",
    "enter": "↵",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "exclamation_mark": "!",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
}


def key_text(keys: str) -> str:
    """The first of an action's keys as a reader writes it."""
    first = keys.split(",")[0]
    return KEY_SIGNS.get(first, first.replace("ctrl+", "^"))


def bindings(actions: Sequence[Action]) -> list[BindingType]:
    """The framework's bindings of a table of actions."""
    return [
        Binding(
            action.keys,
            f"do('{action.id}')",
            action.label,
            show=not action.hidden,
            key_display=key_text(action.keys),
            tooltip=action.help,
            id=action.id,
        )
        for action in actions
    ]


class ActionHost:
    """What the app and every screen share: looking an action up, refusing it, doing it, recording it."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ()

    def action_of(self, identity: str) -> Action | None:
        """The action of that id in this host's table."""
        return next((action for action in self.ACTIONS if action.id == identity), None)

    def why_not(self, action: Action) -> str:
        """Why the action is not possible now; empty if it is."""
        check = getattr(self, f"why_not_{action.name}", None)
        return cast(Callable[[], str], check)() if check else ""

    def words(self) -> Mapping[str, str]:
        """What the headless command lines of this host may name: `run`, `experiment` and so on."""
        return {}

    def headless(self, action: Action) -> str:
        """The command line that does the same, or "" where there is none or nothing is chosen."""
        words = {name: _quoted(word) for name, word in self.words().items()}
        try:
            return action.headless.format_map(words) if action.headless else ""
        except KeyError:
            return ""

    async def perform(self, action: Action) -> None:
        """Do it; the caller has asked `why_not`."""
        done: Any = getattr(self, f"do_{action.name}")()
        if inspect.isawaitable(done):
            await done


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)
