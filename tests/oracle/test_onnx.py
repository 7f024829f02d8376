"""Exportable spellings: equal values where the table says so, and really exported; a sample of the verdicts too."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import pytest
import torch
from aimet_guidelines.knowledge import onnx
from calls import same
from generate_onnx_table import EXPORTERS, export, verdict
from operation_samples import Sample

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

_special = torch.tensor([0.0, -0.0, 1.5, -1.5, 3.0, float("inf"), float("-inf"), float("nan"), 1e-30, -2.7])
_plain = torch.tensor([[0.3, 1.7, 2.2, 0.9], [1.1, 0.4, 2.9, 1.3]])

_ARGUMENTS: dict[str, list[Any]] = {
    "searchsorted": [torch.tensor([0.5, 1.0, 2.0]), _plain],
    "cumprod": [_plain, 1],
    "float_power": [_plain, 2],
    "take_along_dim": [_plain, torch.tensor([[1, 0], [3, 2]]), 1],
    "fliplr": [_plain],
    "flipud": [_plain],
    "acosh": [_plain + 1],
}


def _expression(spelling: onnx.Spelling) -> Any:
    text = spelling.template
    for name in spelling.parameters:
        text = text.replace("{" + name + "}", name)
    return eval(f"lambda {', '.join(spelling.parameters)}: {text}", {"torch": torch})


@pytest.mark.parametrize("name", sorted(onnx.spellings()))
def test_values(name: str) -> None:
    spelling = onnx.spellings()[name]
    arguments = _ARGUMENTS.get(name, [_plain, _plain.flip(0) + 0.1, _plain + 1][: len(spelling.parameters)])
    if spelling.exact and name not in _ARGUMENTS:
        arguments = [_special, _special.flip(0)][: len(spelling.parameters)]
    want, got = getattr(torch, name)(*arguments), _expression(spelling)(*arguments)
    if spelling.exact:
        assert same(got, want), (got, want)
    else:
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", sorted(onnx.spellings()))
def test_spellings_export(name: str, exporter: str) -> None:
    spelling = onnx.spellings()[name]
    arguments = _ARGUMENTS.get(name, [_plain, _plain + 0.1, _plain + 1][: len(spelling.parameters)])
    tensors = [a for a in arguments if isinstance(a, torch.Tensor)]
    rest = [a for a in arguments if not isinstance(a, torch.Tensor)]
    function = _expression(spelling)
    sample = Sample(name, lambda *given: function(*given, *rest), tuple(tensors))
    assert not export(sample, exporter)


@pytest.mark.parametrize("name", ["hypot", "fmin", "copysign", "deg2rad", "trunc", "square"])
def test_verdicts(name: str) -> None:
    function = getattr(torch, name)
    tensors = (_plain, _plain + 0.1) if name in ("hypot", "fmin", "copysign") else (_plain,)
    found = onnx.export(f"torch.{name}")
    sample = Sample(name, lambda *given: function(*given), tensors)
    assert found[:2] == tuple(verdict([export(sample, exporter)]) for exporter in EXPORTERS)
