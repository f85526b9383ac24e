"""Lines and points as signs, drawn by plotext on a bare canvas whose limits are always 0 and 1.

plotext's compiled part ends the process on NaN, on infinities and on lines that reach far outside the
limits. Every path is checked here, right before it is handed over, whatever its maker promised.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from types import ModuleType
from typing import Literal

from synthlab.analysis.charts.geometry import Path

Symbols = Literal["braille", "block", "ascii"]
_MARKERS = {"braille": "braille", "block": "hd", "ascii": "*"}
_BLANK_BRAILLE = "\u2800"

# The figure of plotext is one object for the whole process.
_DRAWING = threading.Lock()


@lru_cache(maxsize=128)
def rasterise(
    paths: tuple[Path, ...], width: int, height: int, symbols: Symbols
) -> tuple[str, ...]:
    """Draw paths into `height` lines of `width` signs, blanks where nothing is.

    Points are in the unit square. Equal calls are answered from memory, so that in a live chart only
    the series that moved is drawn again. Raises ValueError for a point that is not in the square.
    """
    for path in paths:
        for point in path:
            # Written so that NaN fails as well.
            if not (0.0 <= point.x <= 1.0 and 0.0 <= point.y <= 1.0):
                raise ValueError(f"{point} is outside the canvas")
    drawn = [path for path in paths if path]
    if not drawn or width < 1 or height < 1:
        return (" " * max(0, width),) * max(0, height)
    with _DRAWING:
        text = _draw(_plotext(), drawn, width, height, symbols)
    lines = [line.replace(_BLANK_BRAILLE, " ") for line in text.split("\n")][:height]
    return tuple(line.ljust(width)[:width] for line in lines + [""] * (height - len(lines)))


@lru_cache(maxsize=1)
def _plotext() -> ModuleType:
    """plotext takes 0.1 s to import: only a process that draws pays for it."""
    import plotext

    plotext.terminal.limit(False, False)
    return plotext  # type: ignore[no-any-return]  # the package has no type information


def _draw(plotext: ModuleType, paths: list[Path], width: int, height: int, symbols: Symbols) -> str:
    figure = plotext.figure
    figure.clear.all()
    figure.plot_size(width, height)
    figure.axes(False)
    figure.legend(False)
    figure.canvas("default")
    for name in ("x", "y"):
        for side in (0, 1):
            figure.ruler(name, side).frequency(0)
        figure.ruler(name, 0).lim(0, 1)
    points = [point for path in paths for point in path]
    signal = figure.signal(
        [point.x for point in points], [point.y for point in points], marker=_MARKERS[symbols]
    )
    signal.lines(True)
    start = 0
    for path in paths:
        signal.line(start, False)  # no line leads to the first point of a path
        start += len(path)
    figure.draw(signal)
    text = figure.build().string(colorless=True)
    figure.clear.all()
    return str(text)
