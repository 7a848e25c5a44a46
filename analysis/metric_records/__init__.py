"""The records of metrics, one module an analysis; `analysis.metrics` gathers them."""
