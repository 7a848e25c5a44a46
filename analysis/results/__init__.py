"""What an analysis writes: records, results, provenance."""
