"""Checkpoints in and out: what is refused, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn
from transformers import DacModel, PreTrainedConfig
from transformers.utils import logging

from hac.errors import HacError
from hac.files.atomic import write_text
from hac.model.config import HacConfig

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
SMALL = 1 << 28
"""Weights that any machine has room for."""
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def load_hac(loader: Callable[..., Any], where: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Call transformers' `from_pretrained` so that anything amiss is one sentence.

    Args:
        loader: `PreTrainedModel.from_pretrained`, bound to the model's class.
        where: folder or hub id.
        arguments: further positional arguments of the loader.
        options: keyword arguments of the loader.

    Raises:
        HacError: nothing there, another kind of model, a newer format, weights missing, pickled or damaged.
    """
    values = check_kind(where, "hac", "a HAC model", options)
    if "config" not in options:
        _check_promise(values, Path(where) / options.get("subfolder", ""))
    wants_info = options.pop("output_loading_info", False)
    model, info = _call(loader, where, *arguments, **(options | {"output_loading_info": True}))
    missing = sorted(info["missing_keys"])
    if missing:
        raise HacError(f"{where}: {len(missing)} weights are missing, the first is {missing[0]}; save the model again")
    return (model, info) if wants_info else model


def load_dac(where: Any) -> DacModel:
    """Load a DAC folder or hub id as transformers saves it.

    Raises:
        HacError: nothing there, another kind of model, weights missing, pickled or damaged.
    """
    check_kind(where, "dac", "a DAC as transformers' DacModel saves it", {})
    model: DacModel = _call(DacModel.from_pretrained, where)
    return model


def take_dac_weights(model: nn.Module, config: HacConfig, dac: DacModel, where: Any) -> None:
    """Copy encoder, decoder and as many residual quantizers as `model` has.

    Raises:
        HacError: the shapes do not fit, or DAC has fewer quantizers than the model.
    """
    if config.acoustic_codebooks > dac.config.n_codebooks:
        raise HacError(
            f"{where}: has {dac.config.n_codebooks} codebooks, fewer than acoustic_codebooks="
            f"{config.acoustic_codebooks}"
        )
    weights = {}
    for name, tensor in dac.state_dict().items():
        target = name.replace("quantizer.quantizers.", "bottleneck.acoustic.quantizers.")
        if target == name or int(name.split(".")[2]) < config.acoustic_codebooks:
            weights[target] = tensor
    try:
        unexpected = model.load_state_dict(weights, strict=False).unexpected_keys
    except RuntimeError as error:
        raise HacError(
            f"{where}: its weights do not fit the configuration ({' '.join(str(error).split())[:200]}); "
            "leave the encoder, decoder and acoustic codebooks as DAC has them"
        ) from error
    for name, buffer in model.named_buffers():
        if name.startswith("bottleneck.acoustic.") and name.endswith("n_updates"):
            buffer.fill_(1)  # these codes are trained: no k-means over them
    if unexpected:
        raise HacError(f"{where}: holds weights that a DAC does not have, such as {unexpected[0]}")


def check_kind(where: Any, model_type: str, expected: str, options: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is not a checkpoint of `model_type` with safetensors weights, before anything is loaded.

    Returns:
        What its config.json holds.
    """
    folder = Path(where)
    if folder.is_file():
        raise HacError(f"{where}: is a file; expected {expected}, a folder or a hub id")
    hub_options = {key: options[key] for key in ("revision", "token", "cache_dir", "subfolder") if key in options}
    try:
        values, _ = PreTrainedConfig.get_config_dict(str(where), **hub_options)
    except Exception as error:  # transformers raises whatever its parts do
        place = "has no readable config.json" if folder.is_dir() else "is no folder and cannot be had from the hub"
        raise HacError(f"{where}: {place}; expected {expected}, a folder or a hub id") from error
    if not isinstance(values, dict) or not values:
        raise HacError(f"{where}: has no readable config.json; expected {expected}, a folder or a hub id")
    if values.get("model_type") != model_type:
        raise HacError(f"{where}: holds a model of type {values.get('model_type')!r}; expected {expected}")
    inside = folder / options.get("subfolder", "")
    if inside.is_dir() and not any((inside / name).is_file() for name in _WEIGHTS):
        pickles = sorted(path.name for pattern in _PICKLES for path in inside.glob(pattern))
        if pickles:
            raise HacError(
                f"{where}: its weights are pickled ({pickles[0]}), which can run code when read, and so are "
                "refused; convert them to model.safetensors"
            )
        raise HacError(f"{where}: has a config.json but no model.safetensors; copy the weights beside it")
    return values


def _check_promise(values: dict[str, Any], folder: Path) -> None:
    """Complain about a config that asks for more memory than its weights would fill, before it is taken."""
    held = sum(path.stat().st_size for path in folder.glob("model*.safetensors"))
    if not held:
        return  # a hub id, which is fetched later
    config = HacConfig.of_checkpoint(values, str(folder))
    blocks, latent = len(config.downsampling_ratios), config.latent_dim
    deepest = config.encoder_hidden_size * 2 ** (blocks - 1) if config.encoder_type == "dac" else 0
    # the largest of DAC's convolutions; a byte a weight, which none is smaller than
    least = max(7 * deepest**2, 6 * deepest * latent, 7 * latent * config.decoder_hidden_size)
    if least > max(held, SMALL):
        raise HacError(
            f"{folder}: its config.json describes at least {least:,} weights, but its files hold {held:,} bytes; fetch "
            "or save the model again"
        )


def write_card(model: nn.Module, config: HacConfig, folder: Path) -> None:
    """Write a model card, unless the folder already has one."""
    path = folder / "README.md"
    if not path.exists():
        n_parameters = sum(parameter.numel() for parameter in model.parameters())
        write_text(path, _CARD.format(**_facts(config), n_parameters=f"{n_parameters:,}"))


def _call(loader: Callable[..., Any], where: Any, *arguments: Any, **options: Any) -> Any:
    """Call a transformers loader: safetensors only, without its progress bars."""
    try:
        with no_progress_bars():
            return loader(where, *arguments, **(options | {"use_safetensors": True}))
    except HacError:
        raise
    except Exception as error:  # transformers raises whatever its parts do
        reason = " ".join(str(error).split())[:300]
        raise HacError(f"{where}: the weights cannot be loaded ({reason}); fetch or save the model again") from error


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Within this context transformers shows none of its progress bars."""
    showed_progress = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if showed_progress:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _facts(config: HacConfig) -> dict[str, str]:
    streams = "\n".join(f"| `{name}` | {size} |" for name, size in config.codebook_sizes.items())
    return {
        "sample_rate": str(config.sample_rate),
        "frame_rate": str(config.frame_rate),
        "kbps": f"{config.nominal_kbps:.2f}",
        "streams": streams,
    }


_CARD = """---
library_name: transformers
pipeline_tag: feature-extraction
tags: [audio, speech, codec, tokenizer]
---

# HAC, Hierarchical Audio Codec

A neural speech codec with a factorized bottleneck (method: arXiv 2506.15456; an independent implementation,
so its results are not those of the paper).

{sample_rate} Hz audio, {frame_rate} frames per second, {kbps} kbps nominal, {n_parameters} parameters.

| stream | codes |
|---|---|
{streams}

```python
from hac.model.hac_model import HacModel  # pip install hac-codec

model = HacModel.from_pretrained("this folder")
tokens = model.encode(audio, sample_rate={sample_rate})  # audio: float [b, n]
audio = model.decode(tokens, streams=["acoustic", "phonetic", "lexical"])
```

What it was trained on, and how it was evaluated, is for its trainer to add here.
"""
