"""How times, durations and sizes read."""

from __future__ import annotations

import time

TEXT_WIDTH = 80
"""Columns that running text is broken at."""


def duration(seconds: float | None) -> str:
    """`48 s`, `3:07 min`, `2:05 h`; a dash where it is not known."""
    if seconds is None:
        return "—"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def moment(stamp: float | None) -> str:
    """Local date and time, to the minute."""
    return "—" if stamp is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(stamp))


def when(stamp: float | None, now: float) -> str:
    """The time of day for today, the day of this year, else the year and month: at most 7 letters."""
    if stamp is None:
        return "—"
    then, today = time.localtime(stamp), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    return time.strftime("%m-%d" if then[0] == today[0] else "%Y-%m", then)


def clock(stamp: float) -> str:
    """Local time of day, to the second."""
    return time.strftime("%H:%M:%S", time.localtime(stamp))


def since(stamp: float, now: float) -> str:
    """The time of day to the second for today, else date and time to the minute."""
    is_today = time.localtime(stamp)[:3] == time.localtime(now)[:3]
    return clock(stamp) if is_today else moment(stamp)


def size(count: float) -> str:
    """Bytes in binary units."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def count(number: float) -> str:
    """`950`, `12.3 k`, `4.56 M`, `1.2 G`: three digits are all that an estimate knows."""
    for unit in ("", " k", " M", " G"):
        if number < 1000:
            return f"{number:.3g}{unit}" if number < 999.5 else f"{number:.0f}{unit}"
        number /= 1000
    return f"{number:.3g} T"


def many(number: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def figure(value: float | None) -> str:
    """A measured number to four significant digits."""
    if value is None:
        return "undefined"
    return f"{value:.4g}"
