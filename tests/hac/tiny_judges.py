"""Tiny judges with random weights, saved as a user would find them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers

from tests.hac.tiny_models import ENCODER, save

LETTERS = "abcdefgh"


def ctc(folder: Path) -> Any:
    """Save a CTC model of eight letters with its processor; returns the model."""
    torch.manual_seed(1)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: i for i, token in enumerate(("<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    transformers.Wav2Vec2Processor(
        transformers.Wav2Vec2FeatureExtractor(sampling_rate=16_000),
        transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json")),
    ).save_pretrained(folder)
    config = transformers.Wav2Vec2Config(**ENCODER, vocab_size=len(vocabulary), pad_token_id=0)
    model = transformers.Wav2Vec2ForCTC(config).eval()
    torch.nn.init.normal_(model.lm_head.weight, std=2.0)
    save(model, folder)
    return model


def seq2seq(folder: Path) -> Any:
    """Save a Moonshine of eight words with its processor; returns the model."""
    torch.manual_seed(2)
    vocabulary = {token: i for i, token in enumerate(("<pad>", "<s>", "</s>", "<unk>", *LETTERS))}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    transformers.Wav2Vec2Processor(transformers.Wav2Vec2FeatureExtractor(sampling_rate=16_000), fast).save_pretrained(
        folder
    )
    config = transformers.MoonshineConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=16,
        encoder_num_hidden_layers=1,
        decoder_num_hidden_layers=1,
        encoder_num_attention_heads=2,
        decoder_num_attention_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        tie_word_embeddings=False,
    )
    model = transformers.MoonshineForConditionalGeneration(config).eval()
    torch.nn.init.normal_(model.proj_out.weight)
    save(model, folder)
    return model


def xvector(folder: Path) -> Any:
    """Save an x-vector model with its feature extractor; returns the model."""
    torch.manual_seed(3)
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=16_000).save_pretrained(folder)
    config = transformers.WavLMConfig(
        **ENCODER, tdnn_dim=[16, 16, 24], tdnn_kernel=[5, 3, 1], tdnn_dilation=[1, 2, 1], xvector_output_dim=12
    )
    model = transformers.WavLMForXVector(config).eval()
    save(model, folder)
    return model
