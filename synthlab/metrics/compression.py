"""How far a general compressor shrinks the texts: a measure of repetition that knows nothing of words."""

import gzip
import lzma
from collections.abc import Sequence
from dataclasses import dataclass

from synthlab.metrics.result import MetricValue, defined, undefined
from synthlab.metrics.tokenize import seeded_order

XZ_DICTIONARY_BYTES = 8 * 1024 * 1024
XZ_PRESET = 6
GZIP_LEVEL = 9
XZ_INSTRUMENT = "xz, 8 MiB dictionary"
GZIP_INSTRUMENT = "gzip -9, 32 KiB window"


@dataclass(frozen=True)
class CompressionRatios:
    """Raw over compressed size by two compressors over the same bytes."""

    xz: MetricValue
    gzip: MetricValue
    """Second column: its window of 32 KiB sees near neighbours only and so measures order as well."""
    raw_bytes: int
    """Bytes that were compressed."""


def compression_ratio(
    texts: Sequence[str], byte_budget: int | None = None, *, seed: int = 0
) -> CompressionRatios:
    """Raw bytes over compressed bytes of the texts, joined by line breaks in a seeded order.

    byte_budget: UTF-8 bytes to read, because the ratio grows with size; all bytes if left out, the
    last text is cut. Empty texts are left out and counted. Lower = more diverse, about 1 or below
    for a few words. Undefined when there are fewer bytes than the budget or none.
    Raises ValueError for a budget below 1. Source: Shaib et al. 2024 (arXiv 2403.00553).
    """
    if byte_budget is not None and byte_budget < 1:
        raise ValueError(f"a byte budget is at least 1, got {byte_budget}")
    ordered = [texts[row] for row in seeded_order(len(texts), seed)]
    used = [text for text in ordered if text]
    # Data may hold lone surrogates, which plain UTF-8 refuses.
    raw = "\n".join(used).encode("utf-8", errors="surrogatepass")
    offered, available = len(texts), len(raw)
    needed = 1 if byte_budget is None else byte_budget
    if available < needed:
        reason = f"the texts have {available} bytes, the budget asks for {needed}"
        return CompressionRatios(
            undefined("compression-xz", reason, offered=offered, instrument=XZ_INSTRUMENT),
            undefined("compression-gzip", reason, offered=offered, instrument=GZIP_INSTRUMENT),
            available,
        )
    read = raw[:byte_budget]
    count = _texts_read(used, len(read))
    xz = len(read) / len(_xz(read))
    zipped = len(read) / len(gzip.compress(read, GZIP_LEVEL, mtime=0))
    return CompressionRatios(
        defined("compression-xz", xz, n=count, offered=offered, instrument=XZ_INSTRUMENT),
        defined("compression-gzip", zipped, n=count, offered=offered, instrument=GZIP_INSTRUMENT),
        len(read),
    )


def _texts_read(texts: Sequence[str], read: int) -> int:
    """How many texts begin within the first `read` bytes."""
    start = 0
    for count, text in enumerate(texts):
        if start >= read:
            return count
        start += len(text.encode("utf-8", errors="surrogatepass")) + 1
    return len(texts)


def _xz(data: bytes) -> bytes:
    filters = [
        {"id": lzma.FILTER_LZMA2, "preset": XZ_PRESET, "dict_size": XZ_DICTIONARY_BYTES},
    ]
    return lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_NONE, filters=filters)
