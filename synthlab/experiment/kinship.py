"""Whether a judge and the model it judges are relatives: judges favour texts of their own family."""

from __future__ import annotations

import json
import re
from pathlib import Path

from synthlab.experiment.models import ModelIdentity, ResolvedModel

ADVICE = "judges favour their own family, so name another one in [evaluate.robustness] judge"


def kinship_warning(judge: ResolvedModel, base: ResolvedModel) -> str:
    """What to tell a reader of the plan and of the results; empty for a judge of another family.

    Told by identity, by the beginning of the names, and by `model_type` where both models are on this
    machine. Relatives by architecture alone may be strangers in everything else, hence a warning.
    """
    if judge.identity == base.identity:
        return (
            f"the judge {judge.identity.id} is the model that the conditions start from; {ADVICE}"
        )
    names = f"the judge {judge.identity.id} and the model {base.identity.id}"
    stem = _stem(judge.identity)
    if stem and stem == _stem(base.identity):
        return f'{names} are both of the family "{stem}"; {ADVICE}'
    kind = _architecture(judge.folder)
    if kind and kind == _architecture(base.folder):
        return f"{names} have the same architecture ({kind}); {ADVICE}"
    return ""


def _stem(model: ModelIdentity) -> str:
    """Letters that a model's own name begins with: `qwen` for Qwen/Qwen2.5-7B-Instruct."""
    found = re.match(r"[a-z]+", re.split(r"[/:]", model.id)[-1].lower())
    return found[0] if found else ""


def _architecture(folder: Path | None) -> str:
    if folder is None:
        return ""
    try:
        kind = json.loads((folder / "config.json").read_bytes()).get("model_type", "")
    except (OSError, ValueError, AttributeError):
        # A folder that cannot be read is refused where the model is resolved; a warning is not worth it.
        return ""
    return kind if isinstance(kind, str) else ""
