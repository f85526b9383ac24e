"""What can go wrong with files and the catalog, in words for the person reading."""

from __future__ import annotations


class StorageError(Exception):
    """A problem with the lab home, a run directory or the catalog.

    `message` names the object and the cause; `hint` is the next step, or empty where there is none.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class HomeError(StorageError):
    """The lab home cannot be used: wrong owner, open to others, or not a directory."""


class CatalogError(StorageError):
    """The catalog cannot be opened, is damaged, or was written by a newer version."""


class RecordError(StorageError):
    """A file that must hold JSON does not."""
