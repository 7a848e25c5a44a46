"""The table of a paper: systems in rows, chosen metrics in columns."""
