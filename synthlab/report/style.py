"""How every figure looks: readable on paper, the same bytes each time, and no text read as a formula."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from synthlab.analysis.charts.descriptions import Axis
from synthlab.analysis.charts.palette import Look
from synthlab.analysis.charts.scales import Ruler
from synthlab.errors import NotFoundError
from synthlab.report.labels import figure_label, figure_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, ACCENT = "#222222", "#8a8a8a", "#c1121f"
WIDTH = 7.2
"""Inches: the text width of a page."""
DPI = 160
NOTHING = "no value is finite"
"""What a figure says that has nothing to show."""
_LETTERS_PER_LINE = 84
"""Of the size of tick labels, that fit the width of a figure."""
_LETTERS_UPWARDS = 46
"""Of a label that fit the height of one."""
MARKERS = {
    "●": "o", "○": "o", "▲": "^", "△": "^", "■": "s", "□": "s", "◆": "D", "◇": "D",
    "★": "*", "☆": "*", "▼": "v", "▽": "v", "♦": "d", "♢": "d", "♠": "P", "♤": "P",
}  # fmt: skip
HOLLOW = "○△□◇☆▽♢♤"
DASHES = {
    "o": "-", "^": "--", "s": "-.", "D": ":",
    "*": (0, (6, 1, 1, 1)), "v": (0, (3, 1)), "d": (0, (1, 1)), "P": (0, (8, 2)),
}  # fmt: skip
_SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures are alike on every machine
    "font.size": 9.0,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": False,
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "synthlab",
    "hatch.linewidth": 0.6,
}


@contextmanager
def drawing_style() -> Iterator[None]:
    """The settings under which figures are made and saved; raises NotFoundError without matplotlib."""
    try:
        import matplotlib
    except ImportError as error:
        raise NotFoundError(
            f"a report draws with matplotlib, which cannot be imported ({error})",
            "python -m pip install matplotlib",
        ) from error
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        # A sign that no font has is drawn as an empty box; nobody can act on one warning for each.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of that many inches that moves its parts until nothing is cut."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.09))


def as_svg(figure: Figure) -> bytes:
    """The figure as SVG without a date, its letters as outlines."""
    held = io.BytesIO()
    figure.savefig(held, format="svg", metadata={"Date": None, "Creator": "synthlab"})
    return held.getvalue()


def as_png(figure: Figure) -> bytes:
    """The figure as PNG without a program's version in it."""
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=DPI, metadata={"Software": None})
    return held.getvalue()


def set_axis(axes: Axes, side: str, axis: Axis, ruler: Ruler, most: int = 8) -> None:
    """Limits, ticks and label of one side (`x` or `y`), as the terminal shows them.

    What is drawn on it stands at `at` of its values: matplotlib's own scales fail for values at the
    ends of the float range.
    """
    ticks = ruler.named_ticks() if axis.names else ruler.ticks(most) or ruler.limit_ticks()
    places = [tick.place for tick in ticks]
    labels = [figure_label(tick.label) for tick in ticks]
    unit = ruler.suffix
    shown = axis.label if not unit or unit in axis.label else f"{axis.label}, {unit}"
    if side == "x":
        axes.set_xlim(0.0, 1.0)
        axes.set_xlabel(figure_title(shown))
        axes.set_xticks(places, labels=_wrapped(labels))
    else:
        axes.set_ylim(0.0, 1.0)
        axes.set_ylabel("\n".join(wrap(figure_title(shown), _LETTERS_UPWARDS)))
        axes.set_yticks(places, labels=labels)


def _wrapped(labels: Sequence[str]) -> list[str]:
    """Labels that would meet their neighbours in several lines each."""
    room = max(8, _LETTERS_PER_LINE // max(1, len(labels)))
    if max(map(len, labels), default=0) <= room:
        return list(labels)
    return ["\n".join(wrap(label, room, break_on_hyphens=False)) for label in labels]


def at(ruler: Ruler, value: float) -> float:
    """Where a value stands on an axis, 0 at its lower and 1 at its upper limit; NaN is a gap."""
    place = ruler.place(value)
    return math.nan if place is None else place


def within(ruler: Ruler, value: float, otherwise: float) -> float:
    """Like `at`, but on the nearest limit where it lies outside, and `otherwise` where it is a gap."""
    place = ruler.clamp(value)
    return at(ruler, otherwise) if place is None else place


def marker_style(look: Look) -> Mapping[str, Any]:
    """Marker, filled or hollow, in the colour of a name."""
    return {
        "marker": MARKERS[look.marker],
        "color": look.colour,
        "markerfacecolor": "white" if look.marker in HOLLOW else look.colour,
        "markeredgecolor": look.colour,
        "markersize": 6.0,
    }
