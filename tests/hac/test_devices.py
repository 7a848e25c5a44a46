from __future__ import annotations

import pytest
import torch

from hac.devices import devices_of
from hac.errors import HacError


def test_auto_is_every_gpu_or_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices_of([]) == devices_of(["auto"]) == ["cuda:0", "cuda:1"]
    assert devices_of(["cuda:1", "cpu", "cuda:1"]) == ["cuda:1", "cpu"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert devices_of(["auto"]) == ["cpu"]


def test_a_device_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(HacError, match="cuda:1 was asked for, but 1 GPUs are here"):
        devices_of(["cuda:1"])
    with pytest.raises(HacError, match="'gpu' is none; expected auto, cpu or cuda:N"):
        devices_of(["gpu"])
