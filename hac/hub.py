"""Published models: from a folder or a hub id, weights in safetensors only, never code from the model's side.

A hub id is first brought to a folder that holds nothing but its JSON files and safetensors: the same checks for both,
the same hash of the weights in the provenance.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hac.errors import HacError
from hac.files.atomic import sha256_file
from hac.files.parsing import load_json
from hac.reference import reference_folder, reference_models

if TYPE_CHECKING:
    import torch

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_HUB_FILES = ["*.json", "model*.safetensors", "centroids.safetensors", "vocab.txt", "merges.txt", "*.model"]


@dataclass(frozen=True)
class Checkpoint:
    """A model folder that can be loaded.

    Attributes:
        where: what the user gave: a folder or a hub id.
        revision: the hub's commit, None for a plain folder.
        weights: the safetensors files, sorted by name.
    """

    where: str
    folder: Path
    revision: str | None
    config: dict[str, Any]
    weights: tuple[Path, ...]

    def sha256(self) -> str:
        """Hash of the weights: of the file, or of the sorted list of the shards' hashes."""
        hashes = [sha256_file(path) for path in self.weights]
        return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()

    def provenance(self) -> dict[str, Any]:
        """What a result must record to be repeated."""
        from importlib.metadata import version

        return {
            "where": self.where,
            "revision": self.revision,
            "weights_sha256": self.sha256(),
            "model_type": self.config.get("model_type"),
            "libraries": {name: version(name) for name in ("torch", "transformers")},
        }


def model_folder(where: str, revision: str | None = None) -> tuple[Path, str | None]:
    """The folder of a model and, for a hub id, its commit; a hub id is fetched (or found in the hub's cache).

    `reference` and its like come with the package (`hac.reference`), unless a folder has that name.

    Raises:
        HacError: there is no such folder and no such hub id, or the hub cannot be reached.
    """
    folder = Path(where).expanduser()
    if folder.is_dir():
        return folder, None
    if folder.exists():
        raise HacError(f"{where}: is a file, expected a model folder or a hub id such as facebook/encodec_24khz")
    if (shipped := reference_folder(where)) is not None:
        return shipped, None
    if where.startswith((".", "/", "~")) or not HUB_ID.fullmatch(where):
        own = ", ".join(reference_models())
        raise HacError(f"{where}: no such folder, no hub id (owner/name) and none of the package's own ({own})")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        path = Path(snapshot_download(where, revision=revision, allow_patterns=_HUB_FILES))
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".:") if str(error).strip() else type(error).__name__
        raise HacError(
            f"{where}: no such folder here, and the hub did not give it ({reason});"
            " check the name, the network and HF_TOKEN, or give a folder"
        ) from error
    return path, path.name


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        HacError: the file is missing or holds no JSON object.
    """
    try:
        value = load_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise HacError(f"{path.parent}: holds no {path.name}, expected a saved model or tokenizer") from error
    except (OSError, ValueError) as error:
        raise HacError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(value, dict):
        raise HacError(f"{path}: holds {type(value).__name__}, expected a JSON object")
    return value


def open_checkpoint(where: str, revision: str | None = None) -> Checkpoint:
    """Find a model's config and weights.

    Raises:
        HacError: no such model, no `config.json`, or no safetensors weights.
    """
    folder, commit = model_folder(where, revision)
    config = read_json(folder / "config.json")
    single = folder / "model.safetensors"
    index = folder / "model.safetensors.index.json"
    if single.is_file():
        weights = [single]
    elif index.is_file():
        weights = [_shard(folder, str(name)) for name in sorted(set(read_json(index).get("weight_map", {}).values()))]
    else:
        weights = []
    if not weights:
        raise HacError(
            f"{where}: holds no weights (model.safetensors); pickled weights (.bin, .pt) are never loaded:"
            " save the model with save_pretrained(), or on the hub name a converted revision"
            " (?revision=refs/pr/N)"
        )
    return Checkpoint(where, folder, commit, config, tuple(weights))


def load_model(checkpoint: Checkpoint, model_class: Any, device: str, **kwargs: Any) -> Any:
    """Load a transformers model in float32, in evaluation mode, on a device.

    Raises:
        HacError: the weights are damaged, do not fit the config or miss tensors, or the device is not there.
    """
    import torch
    from transformers.utils import logging

    target = checked_device(device)
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # its load report is condensed into the one sentence below
    logging.disable_progress_bar()
    try:
        model, info = model_class.from_pretrained(
            checkpoint.folder,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
            local_files_only=True,
            **kwargs,
        )
    except HacError:
        raise
    except Exception as error:  # transformers raises whatever its parts do
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise HacError(f"{checkpoint.where}: the model cannot be loaded ({reason})") from error
    finally:
        logging.set_verbosity(verbosity)
        logging.enable_progress_bar()
    missing = sorted(info["missing_keys"])
    if missing:
        raise HacError(
            f"{checkpoint.where}: the weights lack {len(missing)} tensors of a {model_class.__name__}"
            f" (first: {missing[0]}); they belong to another model or are incomplete"
        )
    return model.to(target).eval().requires_grad_(False)


def checked_device(device: str) -> torch.device:
    """A torch device that exists.

    Raises:
        HacError: the name is unknown or the machine has no such device.
    """
    import torch

    try:
        target = torch.device(device)
        torch.empty(1, device=target)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise HacError(f"device {device!r} cannot be used ({reason}); expected cpu, cuda or cuda:N") from error
    return target


def _shard(folder: Path, name: str) -> Path:
    path = folder / name
    if Path(name).name != name or not path.is_file():
        raise HacError(f"{folder}: the weights' index names {name!r}, which is not in the folder")
    return path
