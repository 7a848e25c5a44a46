"""The few sounds that a run keeps for listeners."""
