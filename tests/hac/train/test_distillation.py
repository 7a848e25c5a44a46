"""Distillation losses and heads: slow references in double precision, known values, and what padding may not do."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.model.quantize import Quantized
from hac.teachers.units import FrameUnits
from hac.train.distillation import (
    LexicalHead,
    PhoneticHead,
    UnitHead,
    distil_lexical,
    distil_phonetic,
    retrieval_recall,
)
from tests.hac.tiny_hac import one_thread

__all__ = ["one_thread"]  # a fixture that runs by itself

FORMS = ("cosine", "d-axis", "t-axis")
FLOOR = math.log1p(math.exp(-1))
"""-log sigmoid(1), the least that an axis loss can be: 0.3133."""


def cos(a, b):
    """Cosine of two lists; 0 where one of them has no length."""
    lengths = math.sqrt(math.fsum(x * x for x in a) * math.fsum(x * x for x in b))
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


def softplus(x):
    """-log sigmoid(-x)."""
    return math.log1p(math.exp(x))


def slow_phonetic(student, target, lengths, form):
    """Loss and cosine by their definitions: loops over items, frames and dimensions, padding never looked at."""
    total, cosines, n = 0.0, 0.0, sum(lengths)
    for b, length in enumerate(lengths):
        s, y = student[b][:length], target[b][:length]
        cosines += math.fsum(cos(s[t], y[t]) for t in range(length))
        if form == "cosine":
            total += math.fsum(1 - cos(s[t], y[t]) for t in range(length))
        elif form == "d-axis" and length:
            n_dims = len(s[0])
            over_time = [softplus(-cos([row[d] for row in s], [row[d] for row in y])) for d in range(n_dims)]
            total += length * math.fsum(over_time) / n_dims
        elif form == "t-axis":
            for a, b_ in zip(s, y, strict=True):
                total += math.fsum(abs(p - q) for p, q in zip(a, b_, strict=True)) / len(a) + softplus(-cos(a, b_))
    return (total / n, cosines / n) if n else (0.0, 0.0)


@st.composite
def frames(draw):
    """Student, target, and how many frames of each item are taught."""
    lengths = draw(st.lists(st.integers(0, 6), min_size=1, max_size=4))
    t, d = max(1, *lengths) + draw(st.integers(0, 2)), draw(st.integers(1, 5))
    torch.manual_seed(draw(st.integers(0, 999)))
    student, target = torch.randn(2, len(lengths), t, d)
    return student, target, lengths


def mask_of(lengths, t):
    return torch.arange(t) < torch.tensor(lengths)[:, None]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30)
@given(case=frames())
def test_phonetic_losses_are_the_slow_ones(form, case):
    student, target, lengths = case
    found = distil_phonetic(student, target, mask_of(lengths, student.shape[1]), form)
    loss, cosine = slow_phonetic(student.double().tolist(), target.double().tolist(), lengths, form)
    assert float(found.loss) == pytest.approx(loss, rel=1e-5, abs=1e-6)
    assert float(found.agreement) == pytest.approx(cosine, rel=1e-5, abs=1e-6)
    assert int(found.n) == sum(lengths)


@pytest.mark.parametrize("form", FORMS)
@given(case=frames())
@settings(max_examples=15)
def test_padding_changes_nothing(form, case):
    student, target, lengths = case
    mask = mask_of(lengths, student.shape[1])
    whole = distil_phonetic(student, target, mask, form)
    noisy = distil_phonetic(student + 1e3 * ~mask[..., None], target - 1e3 * ~mask[..., None], mask, form)
    assert torch.equal(whole.loss, noisy.loss) and torch.equal(whole.agreement, noisy.agreement)
    t = max(1, *lengths)
    cut = distil_phonetic(student[:, :t], target[:, :t], mask[:, :t], form)
    torch.testing.assert_close(cut.loss, whole.loss)


@pytest.mark.parametrize("form", FORMS)
@given(case=frames())
@settings(max_examples=15)
def test_parts_of_a_batch_add(form, case):
    student, target, lengths = case
    mask = mask_of(lengths, student.shape[1])
    whole = distil_phonetic(student, target, mask, form)
    parts = [distil_phonetic(student[b : b + 1], target[b : b + 1], mask[b : b + 1], form) for b in range(len(lengths))]
    weighted = sum(float(part.loss * part.n) for part in parts) / max(sum(lengths), 1)
    assert float(whole.loss) == pytest.approx(weighted, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("form", "least"), [("cosine", 0.0), ("d-axis", FLOOR), ("t-axis", FLOOR)])
def test_a_perfect_student(form, least):
    assert pytest.approx(0.3133, abs=5e-5) == FLOOR
    torch.manual_seed(0)
    target = torch.randn(2, 7, 5)
    found = distil_phonetic(target.clone(), target, mask_of([7, 3], 7), form)
    assert float(found.loss) == pytest.approx(least, abs=1e-6)
    assert float(found.agreement) == pytest.approx(1.0, abs=1e-6)
    # the scale of a student matters to |s - y| alone
    scaled = distil_phonetic(3 * target, target, mask_of([7, 3], 7), form)
    assert (float(scaled.loss) == pytest.approx(least, abs=1e-6)) == (form != "t-axis")


@pytest.mark.parametrize(("form", "most"), [("cosine", 2.0), ("d-axis", 1 + FLOOR)])
def test_the_worst_student(form, most):
    target = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0))
    assert float(distil_phonetic(-target, target, mask_of([7, 3], 7), form).loss) == pytest.approx(most, abs=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_taught_costs_nothing(form):
    student = torch.randn(2, 4, 3, requires_grad=True)
    found = distil_phonetic(student, torch.zeros(2, 4, 3), torch.zeros(2, 4, dtype=torch.bool), form)
    found.loss.backward()
    assert found.loss == 0 and found.n == 0
    assert torch.equal(student.grad, torch.zeros_like(student))


@pytest.mark.parametrize("form", FORMS)
def test_single_precision_and_no_gradient_through_the_logged_cosine(form):
    student = torch.randn(2, 4, 3).bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found = distil_phonetic(student, torch.randn(2, 4, 3).half(), mask_of([4, 2], 4), form)
    assert found.loss.dtype == torch.float32
    assert found.loss.requires_grad and not found.agreement.requires_grad


def test_phonetic_head_is_linear_frame_by_frame():
    torch.manual_seed(0)
    head = PhoneticHead(4, 3)
    quantized = torch.randn(2, 4, 5)
    slow = torch.stack(
        [torch.stack([head.map.weight @ quantized[b, :, t] + head.map.bias for t in range(5)]) for b in range(2)]
    )
    torch.testing.assert_close(head(quantized), slow)


def test_standardized_targets():
    head = PhoneticHead(4, 2)
    target = torch.tensor([[[3.0, 8.0]]]).half()
    assert torch.equal(head.standardized(target), target.float())
    head.mean.copy_(torch.tensor([1.0, 10.0]))
    head.deviation.copy_(torch.tensor([2.0, 4.0]))
    assert head.standardized(target).tolist() == [[[1.0, -0.5]]]
    assert {"mean", "deviation"} <= set(head.state_dict())  # a resumed run standardizes alike


def slow_pooled(head, quantized, length):
    """One utterance by the definition: weights over its frames, linear map, tanh, unit norm."""
    rows = quantized.double().t()[:length]
    if head.score is None:
        weights = torch.full((length,), 1 / length, dtype=torch.float64)
    else:
        scores = rows @ head.score.weight[0].double() + head.score.bias.double()
        weights = scores.exp() / scores.exp().sum()
    pooled = (weights[:, None] * rows).sum(0)
    answer = torch.tanh(head.map.weight.double() @ pooled + head.map.bias.double())
    return answer / answer.norm()


@pytest.mark.parametrize("pooling", ["mean", "attention"])
@settings(max_examples=20)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_lexical_head_pools_what_exists(pooling, lengths, seed):
    torch.manual_seed(seed)
    head = LexicalHead(4, 3, pooling)
    t = max(lengths) + 2
    quantized, mask = torch.randn(len(lengths), 4, t), mask_of(lengths, t)
    found = head(quantized, mask)
    slow = torch.stack([slow_pooled(head, quantized[b], n) for b, n in enumerate(lengths)])
    torch.testing.assert_close(found.double(), slow, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(len(lengths)))
    noisy = head(quantized.masked_fill(~mask[:, None], 1e4), mask)
    torch.testing.assert_close(noisy, found)


def slow_lexical(student, target, taught, form):
    rows = [(s, y) for s, y, is_taught in zip(student, target, taught, strict=True) if is_taught]
    if not rows:
        return 0.0, 0.0
    distances = [
        1 - cos(s, y) if form == "cosine" else math.fsum(abs(a - b) for a, b in zip(s, y, strict=True)) for s, y in rows
    ]
    return math.fsum(distances) / len(rows), math.fsum(cos(s, y) for s, y in rows) / len(rows)


@pytest.mark.parametrize("form", ["cosine", "l1"])
@settings(max_examples=20)
@given(taught=st.lists(st.booleans(), min_size=1, max_size=5), d=st.integers(1, 6), seed=st.integers(0, 99))
def test_lexical_losses_are_the_slow_ones(form, taught, d, seed):
    torch.manual_seed(seed)
    student, target = torch.nn.functional.normalize(torch.randn(2, len(taught), d), dim=-1)
    target[~torch.tensor(taught)] = 0  # as the dataset fills it
    found = distil_lexical(student, target, torch.tensor(taught), form)
    loss, cosine = slow_lexical(student.double().tolist(), target.double().tolist(), taught, form)
    assert float(found.loss) == pytest.approx(loss, rel=1e-5, abs=1e-6)
    assert float(found.agreement) == pytest.approx(cosine, rel=1e-5, abs=1e-6)
    assert int(found.n) == sum(taught)


@pytest.mark.parametrize("form", ["cosine", "l1"])
def test_a_perfect_utterance_costs_nothing(form):
    target = torch.nn.functional.normalize(torch.randn(3, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    found = distil_lexical(target.clone(), target, torch.ones(3, dtype=torch.bool), form)
    assert float(found.loss) == pytest.approx(0, abs=1e-6) and float(found.agreement) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("form", ["cosine", "l1"])
@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_a_batch_without_any_text_reaches_every_parameter_with_gradient_zero(form, pooling):
    torch.manual_seed(0)
    head = LexicalHead(4, 3, pooling)
    quantized = torch.randn(2, 4, 5, requires_grad=True)
    student = head(quantized, mask_of([5, 2], 5))
    found = distil_lexical(student, torch.zeros(2, 3), torch.zeros(2, dtype=torch.bool), form)
    assert found.loss == 0 and found.n == 0
    found.loss.backward()
    for gradient in [quantized.grad, *(parameter.grad for parameter in head.parameters())]:
        assert gradient is not None and not gradient.any()


def test_retrieval_by_hand():
    a, b, c = torch.eye(3)
    # five utterances of three texts; the second a and the c find the wrong one
    target = torch.stack([a, a, b, c, b])
    student = torch.nn.functional.normalize(torch.stack([a + 0.2 * b, b + 0.2 * a, b, b + 0.9 * c, b - c]), dim=-1)
    assert retrieval_recall(student, target) == (3, 3)
    assert retrieval_recall(target, target) == (5, 3)
    assert retrieval_recall(student[:1], target[:1]) == (1, 1)


@given(n=st.integers(1, 8), n_texts=st.integers(1, 5), seed=st.integers(0, 99))
def test_retrieval_is_the_slow_one(n, n_texts, seed):
    torch.manual_seed(seed)
    texts = torch.nn.functional.normalize(torch.randn(n_texts, 4), dim=-1)
    spoken = torch.randint(n_texts, (n,)).tolist()
    student = torch.nn.functional.normalize(torch.randn(n, 4), dim=-1)
    candidates = sorted(set(spoken))
    best = [max(candidates, key=lambda k: float(student[i] @ texts[k])) for i in range(n)]
    found = sum(best[i] == spoken[i] for i in range(n))
    assert retrieval_recall(student, texts[spoken]) == (found, len(candidates))


# units


def unit_case(seed=0):
    """A head of five units in two directions of a teacher of three, a level's output and targets, all drawn."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    units = FrameUnits(*(random.normal(size=shape).astype(np.float32) for shape in ((3,), (3, 2), (5, 2))))
    head = UnitHead(6, 4, units)
    nothing = torch.tensor(0.0)
    answer, offered = torch.randn(2, 6, 7), torch.randn(2, 4, 7)
    level = Quantized(torch.zeros(2, 1, 7, dtype=torch.long), answer, (offered,), (answer,), nothing, nothing)
    return head, units, level, torch.randn(2, 7, 3)


def test_cross_entropy_to_units_is_the_slow_one():
    head, units, level, target = unit_case()
    lengths = (7, 4)
    found = head.distil(level, target, mask_of(lengths, 7))
    surprise, right = [], []
    for b, length in enumerate(lengths):
        for t in range(length):
            unit = int(units.assign(target[b, t].numpy()[None])[0])
            for place, (head_map, frames) in enumerate(
                ((head.quantized, level.quantized), (head.offered, level.continuous[0]))
            ):
                logits = head_map(frames[b, :, t]).double().tolist()
                surprise.append(math.log(math.fsum(math.exp(x) for x in logits)) - logits[unit])
                if place == 0:
                    right.append(max(range(5), key=logits.__getitem__) == unit)
    assert found.loss.item() == pytest.approx(math.fsum(surprise) / 11, rel=1e-5)
    assert float(found.agreement) == pytest.approx(sum(right) / 11)
    assert (found.measure, int(found.n)) == ("accuracy", 11)


def test_units_reach_the_answer_and_what_was_offered():
    head, _, level, target = unit_case()
    level.quantized.requires_grad_()
    level.continuous[0].requires_grad_()
    head.distil(level, target, mask_of((7, 4), 7)).loss.backward()
    for vectors in (level.quantized, level.continuous[0]):
        assert bool(vectors.grad[0].any())
        assert not vectors.grad[1, :, 4:].any()


def test_nothing_taught_is_no_loss():
    head, _, level, target = unit_case()
    found = head.distil(level, target, torch.zeros(2, 7, dtype=torch.bool))
    assert (found.loss.item(), found.agreement.item(), int(found.n)) == (0.0, 0.0, 0)
