"""Training a `HacModel`: one configuration, one loop, one step; checkpoints that resume to the same bits."""
