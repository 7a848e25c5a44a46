"""Report of interventions."""
