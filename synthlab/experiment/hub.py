"""What this machine has of the model hub: its cache on disk, and, where allowed, a look at the site."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from synthlab.errors import NotAtHandError, NotFoundError

RepoKind: TypeAlias = Literal["models", "datasets"]

COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
DEFAULT_REVISION = "main"
DEFAULT_ENDPOINT = "https://huggingface.co"
TRUE_WORDS = {"1", "true", "yes", "on"}
TIMEOUT_S = 10.0


class CommitLookup(Protocol):
    """Asks the hub which commit a revision is."""

    def __call__(self, kind: RepoKind, repo: str, revision: str) -> str:
        """The full commit hash; raises NotAtHandError if there is no answer, NotFoundError if it is no."""


@dataclass(frozen=True)
class Hub:
    """The hub as this process sees it."""

    cache: Path
    offline: bool
    lookup: CommitLookup

    def cached_commit(self, kind: RepoKind, repo: str, revision: str | None) -> str | None:
        """Commit that the cache holds for a revision, or None if it has none."""
        wanted = revision or DEFAULT_REVISION
        folder = self._folder(kind, repo)
        if COMMIT.fullmatch(wanted):
            return wanted if (folder / "snapshots" / wanted).is_dir() else None
        if ".." in wanted.split("/"):
            return None
        try:
            commit = (folder / "refs" / wanted).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return commit if (folder / "snapshots" / commit).is_dir() else None

    def snapshot(self, kind: RepoKind, repo: str, commit: str) -> Path:
        """Folder of the cached files of a commit."""
        return self._folder(kind, repo) / "snapshots" / commit

    def commit(self, kind: RepoKind, repo: str, revision: str | None) -> str:
        """Pin a revision by asking the hub; a full commit hash needs no question.

        Raises NotAtHandError if it cannot be asked or keeps it closed, NotFoundError if it does not know.
        """
        wanted = revision or DEFAULT_REVISION
        if self.offline:
            raise NotAtHandError(
                f"{repo} ({wanted}) is not in the hub cache {self.cache}, and this machine is offline"
            )
        if COMMIT.fullmatch(wanted):
            return wanted
        return self.lookup(kind, repo, wanted)

    def _folder(self, kind: RepoKind, repo: str) -> Path:
        return self.cache / f"{kind}--{repo.replace('/', '--')}"


def hub_from_environment(environ: Mapping[str, str], home: Path) -> Hub:
    """The hub under the rules of the hub's own library (`HF_HUB_CACHE`, `HF_HOME`, `HF_HUB_OFFLINE`).

    environ: the process environment; home: the user's home directory.
    """
    cache = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE")
    if not cache:
        xdg = environ.get("XDG_CACHE_HOME") or str(home / ".cache")
        cache = f"{environ.get('HF_HOME') or f'{xdg}/huggingface'}/hub"
    if cache == "~" or cache.startswith("~/"):
        cache = str(home) + cache[1:]
    offline = environ.get("HF_HUB_OFFLINE", "").lower() in TRUE_WORDS
    endpoint = (environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
    return Hub(Path(cache), offline, HubSite(endpoint, environ.get("HF_TOKEN") or ""))


@dataclass(frozen=True)
class HubSite:
    """The hub's web interface, asked only when nothing on this machine has the answer."""

    endpoint: str
    token: str = ""
    silent: list[str] = field(default_factory=list, compare=False)
    """Why the hub could not be reached, once that is known: nobody waits a second time for it."""

    def __call__(self, kind: RepoKind, repo: str, revision: str) -> str:
        """Commit of a revision; raises NotFoundError or NotAtHandError if the hub gives none."""
        if self.silent:
            raise NotAtHandError(f"{repo}: the hub cannot be reached ({self.silent[0]})")
        from urllib.parse import quote

        import httpx  # the command line must not pay for it when nothing is looked up

        url = f"{self.endpoint}/api/{kind}/{repo}/revision/{quote(revision, safe='')}"
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            answer = httpx.get(url, headers=headers, timeout=TIMEOUT_S, follow_redirects=True)
            commit = answer.json().get("sha") if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError, AttributeError) as error:
            self.silent.append(f"{type(error).__name__}: {error}")
            raise NotAtHandError(f"{repo}: the hub cannot be reached ({self.silent[0]})") from error
        if isinstance(commit, str) and COMMIT.fullmatch(commit):
            return commit
        kind_of_no = NotFoundError if answer.status_code == 404 else NotAtHandError
        raise kind_of_no(f"{repo} ({revision}): {_refusal(answer.status_code)}")


def _refusal(status: int) -> str:
    if status in (401, 403):
        return "is not there or not open to you; accept its terms on the hub and set HF_TOKEN"
    if status == 404:
        return "the hub has no such repository or revision"
    return f"the hub answered with status {status}"
