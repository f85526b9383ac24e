"""What screens with curves share: a linear or a log axis, smoothing, and a chart on the whole screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from screens.widgets.chart_view import ChartView

if TYPE_CHECKING:
    from screens.lab_screen import LabScreen


class CurveKeys:
    """Mix it in before LabScreen; the actions `scale` and `smooth` are the screen's own."""

    SMOOTHING: ClassVar[tuple[float, ...]] = (0.0, 0.6, 0.9)
    """Factors in the order in which the key takes them; the first is in force at the start."""
    is_log = False
    _smoothing_step = 0

    @property
    def smoothing(self) -> float:
        """The factor in force; 0 for curves as they are."""
        return self.SMOOTHING[self._smoothing_step % len(self.SMOOTHING)]

    @property
    def _screen(self) -> LabScreen[object]:
        return cast("LabScreen[object]", self)

    def do_scale(self) -> None:
        """Linear or log; a curve without positive values stays linear."""
        self.is_log = not self.is_log
        self._screen.lab.say("curves on a log axis" if self.is_log else "curves on a linear axis")
        self._screen.look_again()

    def do_smooth(self) -> None:
        """The next factor."""
        self._smoothing_step += 1
        factor = self.smoothing
        self._screen.lab.say(f"curves smoothed by {factor:g}" if factor else "curves as they are")
        self._screen.look_again()

    def on_chart_view_enlarge(self, event: ChartView.Enlarge) -> None:
        """One chart on the whole screen."""
        from screens.chart import ChartScreen

        event.stop()
        if event.view.chart is not None:
            self._screen.app.push_screen(ChartScreen(event.view.chart))
