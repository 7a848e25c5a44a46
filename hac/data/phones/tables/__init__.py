"""Phone policies (YAML), phone maps and the table of phone classes (CSV), as data."""
