"""Token stores, and the formats that they are read from."""
