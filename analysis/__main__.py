"""`python -m analysis`: the same as `hac-analyze`."""

from analysis.cli import main

main()
