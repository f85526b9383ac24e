"""`synthlab plan` of what is not here: exit code 0, blocked steps, a price; and the refusal of `run`."""

from __future__ import annotations

from storage.home import LabHome
from tests.commands import Command


def test_a_plan_of_absent_models_has_its_price(home: LabHome) -> None:
    home.settings.write_text('gpu = "RTX 4090"\ngpu_hour_price = 0.5\n', encoding="utf-8")
    command = Command(home)
    shown = command.run("plan", "human-share")
    assert shown.returncode == 0, shown.stderr
    assert "blocked" in shown.stdout and "USD" in shown.stdout
    assert "GPU-hours of RTX 4090" in shown.stdout
    assert "synthlab models fetch Qwen/Qwen2.5-1.5B-Instruct" in shown.stderr
    document = command.json("plan", "human-share")
    cost = document["estimate"]
    assert cost["cost"] == sum(kind["cost"] for kind in cost["kinds"])
    assert 0.5 * cost["gpu_hours"] == cost["cost"] > 0
    assert document["conditions"][0] == "vanilla" and len(document["conditions"]) == 6


def test_a_run_of_absent_models_is_refused_and_leaves_nothing(home: LabHome) -> None:
    command = Command(home)
    refused = command.run("run", "human-share")
    assert refused.returncode == 3
    assert "databricks/databricks-dolly-15k is not here" in refused.stderr
    assert command.directories() == []
