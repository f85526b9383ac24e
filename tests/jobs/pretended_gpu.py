"""A GPU for machines that have none: tensors that live on `cuda:0`, computed by the CPU.

Whoever mixes them with tensors of main memory, reads them with numpy, or makes them in the wrong
place fails as on a real device, while values, loops over `.tolist()` and gradients are the CPU's.
torch's own FakeTensorMode knows devices too, but no values, so no sampling loop can run in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

GPU = torch.device("cuda", 0)
MEMORY = 8 << 30

_aten = torch.ops.aten
TAKES_FOREIGN = frozenset(
    (_aten.copy_.default, _aten.index.Tensor, _aten.index_put_.default, _aten.index_put.default)
)
"""Operations that CUDA also does with tensors of main memory among their arguments."""
OF_VALUES = frozenset((torch.Tensor.tolist, torch.Tensor.storage, torch.Tensor.untyped_storage))
"""Methods that a tensor made of another one does not have."""


class OnGpu(torch.Tensor):  # type: ignore[misc]  # torch is not typed here
    """A tensor of the pretended GPU; `held` is the tensor of main memory that has its values."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> OnGpu:
        made: OnGpu = torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(),
            dtype=held.dtype, device="cpu",
        )  # fmt: skip
        made.held = held
        return made

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(parts: Mapping[str, torch.Tensor], *_: Any) -> OnGpu:
        return OnGpu(parts["held"])

    def __repr__(self, **_: Any) -> str:
        return f"OnGpu({self.held!r})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        # As with map_location="cpu", which is how everybody here reads it.
        return self.held.__reduce_ex__(protocol)

    @property
    def device(self) -> torch.device:
        return GPU

    @property
    def is_cuda(self) -> bool:
        return True

    @classmethod
    def __torch_dispatch__(
        cls, op: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = (args, kwargs or {})
        strangers = [
            one
            for one in tree_leaves(given)
            if isinstance(one, torch.Tensor) and not isinstance(one, OnGpu) and one.dim()
        ]
        if strangers and op not in TAKES_FOREIGN:
            shapes = [tuple(one.shape) for one in strangers]
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but {op} was given {shapes} of cpu"
            )
        returns = op._schema.returns
        is_view = any(one.alias_info and not one.alias_info.is_write for one in returns)
        # A view of an ordinary tensor is an ordinary one, also in inference mode.
        inference = args[0].is_inference() if is_view else torch.is_inference_mode_enabled()
        with torch.inference_mode(inference):
            inner, named = tree_map(lambda one: one.held if isinstance(one, OnGpu) else one, given)
            found = op(*inner, **named)
            written = [
                one
                for one, said in zip(args, op._schema.arguments, strict=False)
                if said.alias_info and said.alias_info.is_write
            ]
            if written and len(returns) == 1:
                return written[0]
            return tree_map(lambda one: OnGpu(one) if isinstance(one, torch.Tensor) else one, found)


class _Up(torch.autograd.Function):  # type: ignore[misc]  # as above
    @staticmethod
    def forward(context: Any, given: torch.Tensor) -> torch.Tensor:
        return OnGpu(given.detach().clone())

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:
        return gradients[0].held


class _Down(torch.autograd.Function):  # type: ignore[misc]  # as above
    @staticmethod
    def forward(context: Any, given: Any) -> torch.Tensor:
        held: torch.Tensor = given.held
        return held.clone()

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:
        return OnGpu(gradients[0])


class _Calls(TorchFunctionMode):  # type: ignore[misc]  # as above
    """Sees every call of torch before it asks a driver that is not there."""

    def __torch_function__(
        self, called: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if called is torch.Tensor.to:
            return _moved(*args, **named)
        if called is torch.Tensor.cpu:
            return _moved(args[0], "cpu")
        if called is torch.Tensor.cuda:
            return _moved(args[0], GPU)
        if args and isinstance(args[0], OnGpu):
            if called in OF_VALUES:
                return called(args[0].held)
            if called in (torch.Tensor.numpy, torch.Tensor.__array__):
                raise TypeError("can't convert cuda:0 device type tensor to numpy")
        wanted = named.get("device")
        if wanted is not None and torch.device(wanted).type == "cuda":
            return OnGpu(called(*args, **{**named, "device": "cpu"}))
        return called(*args, **named)


def _moved(tensor: Any, *args: Any, copy: bool = False, **kwargs: Any) -> Any:
    if args and isinstance(args[0], torch.Tensor):
        args = (args[0].device, args[0].dtype)
    device, dtype, *_ = torch._C._nn._parse_to(*args, **kwargs)
    with torch._C.DisableTorchFunction():
        if device is not None and device.type == "cuda" and not isinstance(tensor, OnGpu):
            tensor = _Up.apply(tensor)
        elif device is not None and device.type == "cpu" and isinstance(tensor, OnGpu):
            tensor = _Down.apply(tensor)
        if dtype is not None:
            tensor = torch.Tensor.to(tensor, dtype)
        return tensor.clone() if copy else tensor


def _load_file(path: str, device: str = "cpu") -> dict[str, torch.Tensor]:
    """As safetensors does, which would fill pinned memory of the driver's for a GPU."""
    return {name: tensor.to(device) for name, tensor in load_file(path).items()}


class Driver:
    """What `torch.cuda` tells of the device."""

    def __init__(self, capability: int = 8) -> None:
        """capability: major one; 8 and above multiply in bfloat16."""
        self.capability = capability
        self.stream = torch.arange(16, dtype=torch.uint8)
        """State of the device's own random numbers."""

    def get_device_properties(self, _: Any = None) -> Any:
        return SimpleNamespace(major=self.capability, minor=0, name="Pretended")

    def get_rng_state(self, _: Any = None) -> torch.Tensor:
        return self.stream.clone()

    def set_rng_state(self, state: torch.Tensor, _: Any = None) -> None:
        assert type(state) is torch.Tensor, "a state of random numbers lies in main memory"
        self.stream = state.clone()


@contextmanager
def pretended_gpu(
    monkeypatch: pytest.MonkeyPatch, driver: Driver | None = None
) -> Iterator[Driver]:
    """Let the lab, accelerate and transformers find a GPU for as long as the block lasts."""
    driver = driver or Driver()
    answers = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "set_device": lambda _: None,
        "mem_get_info": lambda _=None: (MEMORY, MEMORY),
        "_check_bf16_tensor_supported": lambda _: True,  # by emulation, if need be
        "get_device_properties": driver.get_device_properties,
        "get_rng_state": driver.get_rng_state,
        "set_rng_state": driver.set_rng_state,
    }
    with monkeypatch.context() as patch, _Calls():
        for name, answer in answers.items():
            patch.setattr(torch.cuda, name, answer)
        for name in ("get_rng_state", "set_rng_state"):
            patch.setattr(torch.cuda.random, name, answers[name])
        patch.setattr("peft.utils.save_and_load.safe_load_file", _load_file)
        patch.setenv("ACCELERATE_TORCH_DEVICE", str(GPU))
        yield driver
