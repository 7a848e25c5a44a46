"""Files as JSON values and back, so that a value inside a Parquet or safetensors file can be spoilt."""

from __future__ import annotations

import io
import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.fuzz.mutations import DEEP, NESTED, STRANGE, spoilt_bytes, spoilt_tree

_TYPES = {str(kind): kind for kind in (pa.string(), pa.float64(), pa.int64(), pa.binary(), pa.bool_(), pa.null())}


def spoilt(name: str, data: bytes, rng: Random) -> bytes:
    """The content of a file of this name with something wrong in it; by its structure in half of the cases."""
    form = _FORMS.get(Path(name).suffix)
    if form is not None and rng.random() < 0.6:
        parse, render = form
        try:
            return render(spoilt_tree(parse(data), rng), rng)
        except Exception:  # what the library itself would not write, or data that were spoilt before
            pass
    return spoilt_bytes(data, rng)


def _json(tree: Any, rng: Random | None = None) -> bytes:
    text = json.dumps(tree)
    if rng is not None and isinstance(tree, dict) and tree and rng.random() < 0.1:  # one key twice
        text = f"{{{json.dumps(rng.choice(list(tree)))}: {json.dumps(rng.choice(STRANGE))}, {text[1:]}"
    return text.replace(f'"{DEEP}"', NESTED).encode()


def _json_lines(tree: Any, rng: Random) -> bytes:
    return b"\n".join(_json(row, rng) for row in tree) + b"\n"


def _yaml(tree: Any, rng: Random) -> bytes:
    text = yaml.safe_dump(tree, allow_unicode=True) if rng.random() < 0.5 else json.dumps(tree)
    return text.replace(f'"{DEEP}"', NESTED).replace(DEEP, NESTED).encode("utf-8", "surrogatepass")


def _parse_parquet(data: bytes) -> Any:
    table = pq.read_table(pa.BufferReader(data))
    whole = pq.read_metadata(pa.BufferReader(data))
    kept = (whole.metadata or {}).items()
    about = {key.decode(): _loaded(value) for key, value in kept if key != b"ARROW:schema"}
    columns = {name: table[name].to_pylist() for name in table.column_names}
    _TYPES.update({str(field.type): field.type for field in table.schema})
    types = {field.name: str(field.type) for field in table.schema}
    return {"about": about, "types": types, "columns": columns, "row_groups": whole.num_row_groups}


def _loaded(value: bytes) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value.decode("utf-8", "replace")


def _parquet(tree: Any, rng: Random) -> bytes:
    columns = {name: values if isinstance(values, list) else [values] for name, values in tree["columns"].items()}
    n = max((len(values) for values in columns.values()), default=0)
    arrays = {name: _array((values + [None] * n)[:n], tree["types"].get(name)) for name, values in columns.items()}
    about = {name: value if isinstance(value, str) else _json(value, rng) for name, value in tree["about"].items()}
    out = io.BytesIO()
    n_groups = tree.get("row_groups")
    rows = max(1, -(-n // n_groups)) if type(n_groups) is int and 0 < n_groups <= n else None
    table = pa.table(arrays).replace_schema_metadata(about)
    pq.write_table(table, out, compression="zstd", row_group_size=rows)
    return out.getvalue()


def _array(values: list[Any], kind: Any) -> pa.Array:
    if kind in _TYPES:
        try:
            return pa.array(values, _TYPES[kind])
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            pass
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return pa.array([None if value is None else ascii(value) for value in values])


def _parse_safetensors(data: bytes) -> Any:
    n = int.from_bytes(data[:8], "little")
    return {"header": json.loads(data[8 : 8 + n]), "body": data[8 + n :].hex()}


def _safetensors(tree: Any, rng: Random) -> bytes:
    header = _json(tree["header"], rng)
    return len(header).to_bytes(8, "little") + header + bytes.fromhex(tree["body"])


def _parse_npz(data: bytes) -> Any:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name].tolist() for name in archive.files}


def _npz(tree: Any, rng: Random) -> bytes:
    out = io.BytesIO()
    np.savez(out, **tree)
    return out.getvalue()


_FORMS: dict[str, tuple[Any, Any]] = {
    ".json": (json.loads, _json),
    ".jsonl": (lambda data: [json.loads(line) for line in data.splitlines() if line.strip()], _json_lines),
    ".yaml": (yaml.safe_load, _yaml),
    ".parquet": (_parse_parquet, _parquet),
    ".safetensors": (_parse_safetensors, _safetensors),
    ".npz": (_parse_npz, _npz),
}
