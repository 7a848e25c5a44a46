"""One stream of a token file under the name `units`: `python scripts/reference/as_units.py TOKENS STREAM OUT`.

`hac-analyze compare` pairs metrics of the same stream. Under one name, the phonetic codes of a model can be held
against its acoustic ones, or against k-means units, over the same speakers.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from hac.data.tokens import TokenStore, read_tokens, write_tokens


def main() -> None:
    """Read, rename, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", type=Path)
    parser.add_argument("stream")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    tokens = read_tokens(arguments.tokens)
    units = replace(tokens[arguments.stream], name="units")
    write_tokens(TokenStore(tokens.ids, {"units": units}, tokens.provenance), arguments.out)


if __name__ == "__main__":
    main()
