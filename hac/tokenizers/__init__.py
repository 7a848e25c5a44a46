"""Every tokenizer behind one interface: see `hac.tokenizers.base` and `hac.tokenizers.registry`."""
