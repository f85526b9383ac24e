"""The bundled sizes agree with themselves, with the study's figures and with folders of this repository."""

from __future__ import annotations

import pytest

from synthlab.errors import SpecError
from synthlab.experiment.models import builtin_model
from synthlab.experiment.shapes import (
    ModelShape,
    folder_shape,
    gpu_of,
    known_datasets,
    known_models,
)

LLAMA_8B = known_models()["meta-llama/Llama-3.1-8B-Instruct"]
LLAMA_70B = known_models()["meta-llama/Llama-3.1-70B-Instruct"]


def counted(shape: ModelShape) -> int:
    """Weights of a decoder with gated feed-forward layers, without biases."""
    wide, narrow = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    layer = 2 * shape.hidden * (wide + narrow) + 3 * shape.hidden * shape.intermediate
    tables = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
    return tables + shape.layers * (layer + 2 * shape.hidden) + shape.hidden


@pytest.mark.parametrize("name", [n for n, m in known_models().items() if m.active is None])
def test_a_shape_has_as_many_weights_as_it_says(name: str) -> None:
    shape = known_models()[name]
    assert counted(shape) == pytest.approx(shape.parameters, rel=1e-4)


def test_adapters_are_as_large_as_the_study_says() -> None:
    targets = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    assert LLAMA_8B.adapter_parameters(16, targets) == 41_943_040
    assert LLAMA_70B.adapter_parameters(16, ("all-linear",)) == pytest.approx(207.1e6, rel=1e-3)
    assert LLAMA_8B.adapter_parameters(16, ("q_proj",)) == 16 * 32 * 8192


def test_a_folder_is_read_without_loading_it() -> None:
    shape = folder_shape(builtin_model("tiny-verse"))
    assert shape is not None
    assert shape.parameters == pytest.approx(counted(shape), rel=0.02)
    assert shape.size is not None and shape.size > 2 * shape.parameters


def test_a_folder_that_is_no_model_has_no_shape() -> None:
    assert folder_shape(builtin_model("tiny-verse").parent) is None


def test_gpus_are_known_by_the_names_of_drivers() -> None:
    assert gpu_of("NVIDIA H100 80GB HBM3").name == "H100"
    assert gpu_of("NVIDIA GeForce RTX 4090").memory_gib == 24
    assert gpu_of("NVIDIA L40S").name == "L40S"
    with pytest.raises(SpecError, match="no GPU 'Voodoo' is known"):
        gpu_of("Voodoo")


def test_every_data_set_of_the_table_has_rows() -> None:
    assert all(shape.rows for shape in known_datasets().values())
