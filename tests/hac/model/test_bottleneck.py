"""The factorized bottleneck: its levels, their switches and how they meet."""

from __future__ import annotations

import pytest
import torch

from hac.errors import HacError
from hac.model.bottleneck import FactorizedBottleneck
from hac.model.config import HacConfig
from tests.hac.tiny_hac import TINY, enliven


def _bottleneck(**changes):
    torch.manual_seed(0)
    bottleneck = FactorizedBottleneck(HacConfig(**(TINY | changes))).eval()
    enliven(bottleneck)
    return bottleneck


def _latent(n_frames=11):
    torch.manual_seed(1)
    return torch.randn(2, 24, n_frames)


def test_streams_are_named_in_order():
    output = _bottleneck()(_latent())
    names = ["acoustic.0", "acoustic.1", "acoustic.2", "phonetic", "lexical"]
    assert list(output.codes) == list(output.continuous) == list(output.quantized) == names
    assert all(codes.shape == (2, 11) for codes in output.codes.values())
    assert output.continuous["phonetic"].shape == (2, 16, 11)
    assert output.quantized["phonetic"].shape == (2, 24, 11)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"phonetic": False, "lexical": False}, ["acoustic.0", "acoustic.1", "acoustic.2"]),
        ({"acoustic_codebooks": 1, "lexical": False}, ["acoustic.0", "phonetic"]),
        ({"acoustic_codebooks": 1, "phonetic": False, "lexical_input": "parallel"}, ["acoustic.0", "lexical"]),
        ({"acoustic_codebooks": 0}, ["phonetic", "lexical"]),
    ],
)
@pytest.mark.parametrize("combination", ["sum", "concat"])
def test_levels_switch_off(changes, names, combination):
    bottleneck = _bottleneck(combination=combination, **changes)
    output = bottleneck(_latent())
    assert list(output.codes) == names == list(bottleneck.health())
    assert output.latent.shape == (2, 24, 11)


def test_acoustic_level_quantizes_z_itself():
    latent = _latent()
    output = _bottleneck()(latent)
    assert torch.equal(output.continuous["acoustic.0"], latent)
    residual = latent - output.quantized["acoustic.0"]
    assert torch.equal(output.continuous["acoustic.1"], residual)


def test_the_residual_is_what_the_other_levels_leave():
    latent = _latent()
    output = _bottleneck(acoustic_input="residual")(latent)
    left = latent - output.quantized["phonetic"] - output.quantized["lexical"]
    torch.testing.assert_close(output.continuous["acoustic.0"], left)
    assert list(output.codes) == list(_bottleneck()(latent).codes)
    torch.testing.assert_close(output.latent, sum(output.quantized.values()))
    alone = {"phonetic": False, "lexical": False}
    whole = _bottleneck(acoustic_input="residual", **alone)(latent)
    assert torch.equal(whole.codes["acoustic.0"], _bottleneck(**alone)(latent).codes["acoustic.0"])


@pytest.mark.parametrize("residual_gradient", [False, True])
def test_the_residual_hands_its_gradient_on_only_where_asked(residual_gradient):
    bottleneck = _bottleneck(acoustic_input="residual", residual_gradient=residual_gradient)
    bottleneck(_latent()).levels["acoustic"].commitment_loss.backward()
    reached = [p.grad is not None and bool(p.grad.any()) for p in bottleneck.phonetic.out_proj.parameters()]
    assert reached == [residual_gradient] * 2


def _scales(output, names):
    """How much of each item's levels was decoded, [b, levels], by least squares."""
    rows = []
    for index in range(len(output.latent)):
        vectors = torch.stack([output.levels[name].quantized[index].flatten() for name in names], 1)
        rows.append(torch.linalg.lstsq(vectors, output.latent[index].flatten()[:, None]).solution[:, 0])
    return torch.stack(rows)


def test_level_dropout_leaves_whole_levels_out_but_never_all():
    chances = {"acoustic": 0.5, "phonetic": 0.25, "lexical": 0.0}
    bottleneck = _bottleneck(level_dropout=chances, transformer_dropout=0.0, quantizer_dropout=0.0).train()
    latent = _latent()[:1].expand(400, -1, -1)
    output = bottleneck(latent)
    scales = _scales(output, list(output.levels))
    assert torch.allclose(scales, scales.round(), atol=1e-3)
    kept = scales.round().mean(0)
    torch.testing.assert_close(kept, torch.tensor([0.5, 0.75, 1.0]), atol=0.08, rtol=0)
    # what is dropped is dropped from the sound alone: codes are those of all levels
    assert torch.equal(output.codes["acoustic.0"][0], output.codes["acoustic.0"][1])
    silent = _bottleneck(level_dropout=dict.fromkeys(chances, 0.99), transformer_dropout=0.0).train()
    assert bool(silent(latent).latent.flatten(1).any(1).all())


def test_levels_are_dropped_in_training_alone():
    latent = _latent()
    dropped = _bottleneck(level_dropout={"acoustic": 0.9})
    assert torch.equal(dropped(latent).latent, _bottleneck()(latent).latent)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"acoustic_input": "residual", "combination": "concat"}, "levels that add up: set combination: sum"),
        ({"level_dropout": {"acoustic": 1.0}}, "level_dropout of acoustic is 1.0; expected a probability"),
        ({"level_dropout": {"acoustic": -0.1}}, "level_dropout of acoustic is -0.1"),
        ({"level_dropout": {"phonetik": 0.1}}, "unknown key 'phonetik'; did you mean 'phonetic'"),
        ({"level_dropout": {"lexical": 0.1}, "lexical": False}, "unknown key 'lexical'"),
    ],
)
def test_wiring_that_is_none(changes, message):
    with pytest.raises(HacError, match=message):
        HacConfig(**(TINY | changes))


def test_sum_is_the_sum_of_all_streams():
    output = _bottleneck()(_latent())
    torch.testing.assert_close(output.latent, sum(output.quantized.values()))


@pytest.mark.parametrize("combination", ["sum", "concat"])
def test_from_codes_says_what_forward_says(combination):
    bottleneck = _bottleneck(combination=combination)
    output = bottleneck(_latent())
    again = bottleneck.from_codes(output.codes, ("acoustic", "phonetic", "lexical"))
    torch.testing.assert_close(again, output.latent)


def test_a_silent_level_counts_as_zero():
    bottleneck = _bottleneck()
    output = bottleneck(_latent())
    heard = bottleneck.from_codes(output.codes, ("phonetic", "lexical"))
    torch.testing.assert_close(heard, output.quantized["phonetic"] + output.quantized["lexical"])


def _moved_by_phonetic_weights(lexical_input, module):
    """Whether the lexical quantizer's input depends on a part of the phonetic level."""
    bottleneck = _bottleneck(lexical_input=lexical_input)
    before = bottleneck(_latent()).continuous["lexical"]
    with torch.no_grad():
        for parameter in getattr(bottleneck, module).parameters():
            parameter.add_(torch.randn_like(parameter))
    return not torch.equal(before, bottleneck(_latent()).continuous["lexical"])


@pytest.mark.parametrize(
    ("lexical_input", "transformer", "quantizer"),
    [("stacked", True, False), ("parallel", False, False), ("quantized-phonetic", True, True)],
)
def test_what_the_lexical_transformer_reads(lexical_input, transformer, quantizer):
    assert _moved_by_phonetic_weights(lexical_input, "phonetic_transformer") is transformer
    assert _moved_by_phonetic_weights(lexical_input, "phonetic") is quantizer


@pytest.mark.parametrize("lexical_input", ["stacked", "parallel", "quantized-phonetic"])
def test_masked_equals_truncated(lexical_input):
    bottleneck = _bottleneck(lexical_input=lexical_input)
    latent = _latent()
    mask = torch.arange(11) < torch.tensor([[11], [6]])
    # what stands in the padding must not matter
    padded = bottleneck(torch.where(mask[:, None], latent, 7.0), mask)
    alone = bottleneck(latent[1:, :, :6])
    for name, codes in alone.codes.items():
        assert torch.equal(padded.codes[name][1:, :6], codes), name
        torch.testing.assert_close(padded.continuous[name][1:, :, :6], alone.continuous[name])


def test_frames_look_the_same_wherever_they_stand():
    """Order is relative: with attention switched off, a shift of the frames shifts the outcome."""
    bottleneck = _bottleneck()
    with torch.no_grad():
        for layer in bottleneck.phonetic_transformer.layers:
            layer.output.weight.zero_()
    latent = _latent(40)
    here = bottleneck(latent).continuous["phonetic"]
    there = bottleneck(latent[:, :, 20:]).continuous["phonetic"]
    torch.testing.assert_close(here[:, :, 25:35], there[:, :, 5:15])


def test_order_matters():
    bottleneck = _bottleneck()
    latent = _latent()
    forwards = bottleneck(latent).continuous["phonetic"]
    backwards = bottleneck(latent.flip(2)).continuous["phonetic"].flip(2)
    assert (forwards - backwards).abs().max() > 1e-3


def test_every_parameter_learns():
    bottleneck = _bottleneck(combination="concat", quantizer_dropout=0.0).train()
    output = bottleneck(_latent())
    (output.latent.pow(2).sum() + output.commitment_loss + output.codebook_loss).backward()
    assert [name for name, parameter in bottleneck.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"acoustic_codebooks": 0, "phonetic": False, "lexical": False}, "every level is off"),
        ({"phonetic": False}, "set lexical_input: parallel"),
        ({"downsampling_ratios": [1, 4]}, "at least 2"),
        ({"decoder_hidden_size": 40}, "multiple of 16"),
        ({"decoder_type": "istft", "downsampling_ratios": [3, 5]}, "decoder_type: istft needs an even number"),
        ({"encoder_type": "stft", "downsampling_ratios": [3, 5]}, "encoder_type: stft needs an even number"),
        ({"encoder_type": "stft", "encoder_layers": 1_000_000}, "encoder_layers"),
        ({"encoder_type": "stft", "encoder_ff_dim": 0}, "encoder_ff_dim"),
        ({"decoder_type": "istft", "decoder_layers": 1_000_000}, "decoder_layers"),
        ({"decoder_type": "istft", "decoder_ff_dim": 0}, "decoder_ff_dim"),
        ({"transformer_heads": 3}, "transformer_heads=3"),
        ({"position_kernel": 4}, "must be odd"),
        ({"quantizer_dropout": 1.5}, "probability"),
        ({"format_version": 99}, "newer hac-codec"),
    ],
)
def test_configurations_that_describe_no_model(changes, words):
    with pytest.raises(HacError, match=words):
        HacConfig(**(TINY | changes))


def test_the_wiring_is_kept_with_the_weights(tmp_path):
    wiring = {"acoustic_input": "residual", "residual_gradient": True, "level_dropout": {"acoustic": 0.15}}
    HacConfig(**(TINY | wiring)).save_pretrained(tmp_path)
    again = HacConfig.from_pretrained(tmp_path)
    assert {name: getattr(again, name) for name in wiring} == wiring
    # a checkpoint of before says nothing of it
    assert HacConfig.of_checkpoint({}, "old").acoustic_input == "latent"
