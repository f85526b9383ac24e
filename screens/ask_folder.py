"""Asking for a folder to write into."""

from __future__ import annotations

from pathlib import Path

from screens.ask_path import AskPath


class AskFolder(AskPath):
    """`enter` takes the folder, `escape` gives none; whoever writes refuses one that holds other things."""

    def __init__(self, question: str, suggested: Path) -> None:
        super().__init__(question, suggested, is_new=False)

    def refusal(self, path: Path) -> str:
        """A file is no folder."""
        return f"{path} is a file; name a folder" if path.is_file() else ""
