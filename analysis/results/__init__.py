"""What an analysis writes: records, results, draws, provenance."""
