"""`python -m reports`: the same as `hac-analyze`."""

from reports.cli import main

main()
