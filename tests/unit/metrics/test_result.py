"""A metric's number never travels without its count, its version and its reason."""

import math

import pytest

from synthlab.metrics import catalog
from synthlab.metrics.result import MetricValue, defined, undefined


def test_a_value_knows_its_name_and_its_count() -> None:
    value = defined("vendi-1", 12.5, n=90, offered=100, instrument="minilm")
    assert value.name == "Vendi score (q=1) [minilm]"
    assert (value.unit, value.scored, value.version) == ("texts", "scored 90 of 100", 1)
    assert value.is_defined
    assert defined("mtld", 1.0, n=3).name == "MTLD"


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_becomes_undefined(broken: float) -> None:
    value = defined("mauve", broken, n=5)
    assert math.isnan(value.value)
    assert "not a finite number" in value.reason


def test_nan_and_reason_belong_together() -> None:
    with pytest.raises(ValueError, match="belong together"):
        MetricValue("mtld", 1, math.nan, 0, 0, "", "")
    with pytest.raises(ValueError, match="belong together"):
        MetricValue("mtld", 1, 2.0, 1, 1, "", "no reason at all")
    with pytest.raises(ValueError, match="infinite"):
        MetricValue("mtld", 1, math.inf, 1, 1, "", "")
    with pytest.raises(ValueError, match="needs its reason"):
        undefined("mtld", "")


def test_the_catalog_lists_each_metric_once_and_refuses_others() -> None:
    described = list(catalog._text_metrics())
    described += [*catalog._embedding_metrics(), *catalog._model_metrics()]
    assert len(described) == len(catalog.COLLAPSE)
    assert len({metric.name + metric.unit for metric in described}) == len(described)
    for identifier, metric in catalog.COLLAPSE.items():
        assert metric.id == identifier
        assert metric.version >= 1
        assert metric.axis == "collapse"
        assert metric.source
    with pytest.raises(KeyError, match="no metric is called 'bleu'"):
        defined("bleu", 1.0, n=1)
