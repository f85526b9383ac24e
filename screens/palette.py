"""The command palette: every action of the focused widget, the screen and the app, as things stand now."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from screens.actions import Action, ActionHost, key_text
from screens.safety import joined, line

if TYPE_CHECKING:
    from screens.app import LabApp


class LabCommands(Provider):
    """Finds actions by their words; one that is not possible says why."""

    async def discover(self) -> Hits:
        """Everything, before a letter is typed."""
        for host, action in self._actions():
            title = self._title(action)
            yield DiscoveryHit(
                self._lines(line(title), host, action), partial(self._do, host, action), text=title
            )

    async def search(self, query: str) -> Hits:
        """What fits the letters."""
        matcher = self.matcher(query)
        for host, action in self._actions():
            title = self._title(action)
            score = matcher.match(title)
            if score > 0:
                found = self._lines(matcher.highlight(title), host, action)
                yield Hit(score, found, partial(self._do, host, action), text=title)

    def _actions(self) -> list[tuple[ActionHost, Action]]:
        from screens.lab_screen import LabScreen

        screen = self.screen
        hosts = screen.hosts() if isinstance(screen, LabScreen) else [cast("LabApp", self.app)]
        return [(host, action) for host in hosts for action in host.ACTIONS]

    def _title(self, action: Action) -> str:
        return f"{action.help}  ({key_text(action.keys)})"

    def _lines(self, title: Content, host: ActionHost, action: Action) -> Content:
        # The framework reads a hit's `help` as markup; a second line of the title is taken as it is.
        reason = cast("LabApp", self.app).refusal(host, action)
        second = f"not now: {reason}" if reason else host.headless(action)
        return joined(title, Content("\n"), line(second, "$lab-muted")) if second else title

    async def _do(self, host: ActionHost, action: Action) -> None:
        await cast("LabApp", self.app).dispatch(host, action.id)
