"""Phone-normalized mutual information and purity."""
