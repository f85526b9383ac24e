"""Which line of a TOML text each key stands on; `tomllib` gives values without positions."""

from __future__ import annotations

import tomllib
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys from the root; the tables of an array and the items of a list are numbered from 0."""

QUOTES = ('"""', "'''", '"', "'")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Line (from 1) of every key, table header and list item in `text`.

    `text` must be valid TOML (let `tomllib` judge that first). A table that is opened only as a
    part of a longer header or dotted key gets the line of its first mention.
    """
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.line = 1
        self.lines: dict[KeyPath, int] = {}
        self.array_sizes: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self.skip_blank(newlines=True):
            if self.text.startswith("[[", self.at):
                table = self.header(2)
            elif self.text[self.at] == "[":
                table = self.header(1)
            else:
                self.pair(table)
        return self.lines

    def header(self, brackets: int) -> KeyPath:
        self.advance(brackets)
        keys = self.key()
        self.skip_blank(newlines=False)
        self.advance(brackets)
        parent = self.resolve(keys[:-1])
        path: KeyPath = (*parent, keys[-1])
        if brackets == 2:
            index = self.array_sizes.get(path, 0)
            self.array_sizes[path] = index + 1
            self.lines.setdefault(path, self.line)
            path = (*path, index)
        # A header may follow a mention in a longer one; the header is the better place to point at.
        self.lines[path] = self.line
        return path

    def resolve(self, keys: tuple[str, ...]) -> KeyPath:
        """Path of a header's parents: a name that is an array of tables means its newest table."""
        path: KeyPath = ()
        for name in keys:
            path = (*path, name)
            self.lines.setdefault(path, self.line)
            if path in self.array_sizes:
                path = (*path, self.array_sizes[path] - 1)
        return path

    def pair(self, table: KeyPath) -> None:
        path = table
        line = self.line
        for name in self.key():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self.skip_blank(newlines=False)
        self.advance(1)  # the equals sign
        self.value(path)

    def key(self) -> tuple[str, ...]:
        names = []
        while True:
            self.skip_blank(newlines=False)
            start = self.at
            if self.text[start] in "\"'":
                self.string()
                names.append(_decode_key(self.text[start : self.at]))
            else:
                while self.text[self.at].isalnum() or self.text[self.at] in "-_":
                    self.at += 1
                names.append(self.text[start : self.at])
            self.skip_blank(newlines=False)
            if self.text[self.at] != ".":
                return tuple(names)
            self.advance(1)

    def value(self, path: KeyPath) -> None:
        self.skip_blank(newlines=False)
        first = self.text[self.at]
        if first in "\"'":
            self.string()
        elif first == "[":
            self.array(path)
        elif first == "{":
            self.inline_table(path)
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                self.at += 1

    def array(self, path: KeyPath) -> None:
        self.advance(1)
        index = 0
        while self.skip_blank(newlines=True) and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self.advance(1)
                continue
            self.lines[(*path, index)] = self.line
            self.value((*path, index))
            index += 1
        self.advance(1)

    def inline_table(self, path: KeyPath) -> None:
        self.advance(1)
        while self.skip_blank(newlines=True) and self.text[self.at] != "}":
            if self.text[self.at] == ",":
                self.advance(1)
            else:
                self.pair(path)
        self.advance(1)

    def string(self) -> None:
        quote = next(q for q in QUOTES if self.text.startswith(q, self.at))
        self.advance(len(quote))
        while not self.text.startswith(quote, self.at):
            self.advance(2 if quote[0] == '"' and self.text[self.at] == "\\" else 1)
        self.advance(len(quote))
        if len(quote) == 3:
            # A string may end in one or two quotes of its own: `""""he said "no"""""` closes late.
            for _ in range(2):
                if self.text.startswith(quote[0], self.at):
                    self.advance(1)

    def skip_blank(self, *, newlines: bool) -> bool:
        """Move past blanks and comments; False at the end of the text."""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "#" and newlines:
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif char in " \t" or (newlines and char == "\n"):
                self.advance(1)
            else:
                return True
        return False

    def advance(self, count: int) -> None:
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at += count


def _decode_key(raw: str) -> str:
    return next(iter(tomllib.loads(f"{raw} = 0")))
