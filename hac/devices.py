"""Which devices there are to work on."""

from __future__ import annotations

from collections.abc import Sequence

from hac.errors import HacError

CPU = "cpu"


def devices_of(wanted: Sequence[str]) -> list[str]:
    """The devices to work on: those named, or for `auto` every GPU, or the CPU where there is none.

    Raises:
        HacError: a name that is no device, or a GPU that is not there.
    """
    names = list(dict.fromkeys(wanted)) or ["auto"]
    for name in names:
        if name not in ("auto", CPU) and not (name.startswith("cuda:") and name[5:].isdecimal()):
            raise HacError(f"device {name!r} is none; expected auto, cpu or cuda:N, such as cuda:0")
    if names == [CPU]:
        return names
    import torch

    n_gpus = torch.cuda.device_count()
    if "auto" in names:
        return [f"cuda:{i}" for i in range(n_gpus)] or [CPU]
    for name in names:
        if name != CPU and int(name[5:]) >= n_gpus:
            raise HacError(f"device {name} was asked for, but {n_gpus} GPUs are here; see nvidia-smi, or give cpu")
    return names
