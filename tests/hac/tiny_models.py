"""Tiny models with random weights, saved as a user would find them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers

transformers.utils.logging.disable_progress_bar()

ENCODER = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8] * 7,
    "num_conv_pos_embedding_groups": 2,
}


def codec(kind: str) -> Any:
    """A codec of 16 codes a level, whose codebooks are random where the library starts them at zero."""
    torch.manual_seed(0)
    model = {"dac": _dac, "encodec": _encodec, "mimi": _mimi, "xcodec": _xcodec}[kind]()
    for name, buffer in model.named_buffers():
        if name.endswith(("embed", "embed_sum")):
            buffer.copy_(torch.randn(buffer.shape) * 0.02)
    return model.eval()


def encoder(kind: str, **changes: Any) -> Any:
    """A speech encoder of three layers."""
    torch.manual_seed(0)
    if kind == "whisper":
        return transformers.WhisperModel(_whisper_config()).eval()
    config, model = {
        "hubert": (transformers.HubertConfig, transformers.HubertModel),
        "wavlm": (transformers.WavLMConfig, transformers.WavLMModel),
        "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model),
        "data2vec": (transformers.Data2VecAudioConfig, transformers.Data2VecAudioModel),
    }[kind]
    return model(config(**ENCODER, **changes)).eval()


def save(model: Any, folder: Path) -> str:
    """Save a model and return its folder's name."""
    model.save_pretrained(folder)
    return str(folder)


def _dac() -> Any:
    return transformers.DacModel(
        transformers.DacConfig(
            encoder_hidden_size=4,
            decoder_hidden_size=16,
            downsampling_ratios=[2, 4, 8, 8],
            n_codebooks=3,
            codebook_size=16,
            codebook_dim=4,
            sampling_rate=44100,
        )
    )


def _encodec() -> Any:
    return transformers.EncodecModel(
        transformers.EncodecConfig(
            num_filters=4,
            hidden_size=16,
            codebook_size=16,
            target_bandwidths=[0.3, 0.6, 1.2],
        )
    )


def _mimi() -> Any:
    return transformers.MimiModel(
        transformers.MimiConfig(
            hidden_size=16,
            num_filters=4,
            num_hidden_layers=1,
            intermediate_size=16,
            num_attention_heads=2,
            num_key_value_heads=2,
            codebook_size=16,
            codebook_dim=8,
            vector_quantization_hidden_dimension=8,
            num_quantizers=4,
            upsample_groups=16,
        )
    )


def _xcodec() -> Any:
    return transformers.XcodecModel(
        transformers.XcodecConfig(
            codebook_size=16,
            target_bandwidths=[0.4, 0.8],
            acoustic_model_config={
                "model_type": "dac",
                "encoder_hidden_size": 4,
                "decoder_hidden_size": 16,
                "downsampling_ratios": [8, 5, 4, 2],
            },
            semantic_model_config=transformers.HubertConfig(**{**ENCODER, "num_hidden_layers": 1}).to_dict(),
        )
    )


def _whisper_config() -> Any:
    return transformers.WhisperConfig(
        d_model=16,
        encoder_layers=3,
        encoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=16,
        max_source_positions=50,
        vocab_size=32,
        pad_token_id=0,
        bos_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        suppress_tokens=[],
        begin_suppress_tokens=[],
    )


def text_encoder(folder: Path, kind: str = "bert", pooler: bool = True, words: int = 30) -> Any:
    """Save a text encoder of two layers and its tokenizer of one-letter words; returns the model."""
    torch.manual_seed(0)
    config, model = {
        "bert": (transformers.BertConfig, transformers.BertModel),
        "distilbert": (transformers.DistilBertConfig, transformers.DistilBertModel),
        "roberta": (transformers.RobertaConfig, transformers.RobertaModel),
    }[kind]
    sizes = {
        "vocab_size": 32,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 24,
        "initializer_range": 0.5,
        "pad_token_id": 0,
    }
    encoder = model(config(**sizes), **({} if kind == "distilbert" else {"add_pooling_layer": pooler})).eval()
    encoder.save_pretrained(folder)
    save_tokenizer(folder, words)
    return encoder


def save_tokenizer(folder: Path, words: int) -> None:
    """Save a tokenizer of four special tokens and so many one-letter words."""
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3}
    vocabulary |= {chr(ord("a") + i): 4 + i for i in range(words - 4)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
