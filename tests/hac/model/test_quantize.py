"""Vector quantizers against slow loops, and the laws they keep."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.model.codebook import Codebook, CodebookOptions
from hac.model.quantize import ResidualVectorQuantizer, VectorQuantizer

PLAIN = CodebookOptions()
EUCLIDEAN = CodebookOptions(normalize_codes=False)


def _spread_codes(module: torch.nn.Module) -> None:
    """Codes of very different lengths, so that a wrong norm in the distance shows."""
    for codebook in (part for part in module.modules() if isinstance(part, Codebook)):
        with torch.no_grad():
            codebook.weight.mul_(torch.rand(codebook.num_embeddings, 1) * 5 + 0.1)


def _slow_nearest(vector, codes, normalize):
    best, best_score = -1, None
    for index, code in enumerate(codes):
        if normalize:
            score = -float(vector @ code / (vector.norm() * code.norm()))
        else:
            score = float(sum((v - c) ** 2 for v, c in zip(vector.tolist(), code.tolist(), strict=True)))
        if best_score is None or score < best_score:
            best, best_score = index, score
    return best


@pytest.mark.parametrize("options", [PLAIN, EUCLIDEAN])
def test_nearest_code_equals_a_slow_loop(options):
    torch.manual_seed(1)
    codebook = Codebook(23, 5, options)
    _spread_codes(codebook)
    vectors = torch.randn(60, 5) * 2
    slow = [_slow_nearest(v, codebook.weight.detach(), options.normalize_codes) for v in vectors]
    assert codebook.nearest(vectors).tolist() == slow


def test_euclidean_distance_has_the_right_sign():
    codebook = Codebook(2, 1, EUCLIDEAN)
    with torch.no_grad():
        codebook.weight.copy_(torch.tensor([[1.0], [10.0]]))
    # with the sign of |c|^2 turned, the long code would always win
    assert codebook.nearest(torch.tensor([[1.2], [9.0], [-4.0]])).tolist() == [0, 1, 0]


@pytest.mark.parametrize("options", [PLAIN, EUCLIDEAN])
def test_residual_quantizer_equals_a_slow_loop(options):
    torch.manual_seed(2)
    rvq = ResidualVectorQuantizer(6, 3, 16, 4, dropout=0.5, options=options).eval()
    _spread_codes(rvq)
    latent = torch.randn(2, 6, 9)
    with torch.no_grad():
        output = rvq(latent)
        for b in range(2):
            for t in range(9):
                residual, total = latent[b, :, t].clone(), torch.zeros(6)
                for k, vq in enumerate(rvq.quantizers):
                    projected = vq.in_proj.weight[:, :, 0] @ residual + vq.in_proj.bias
                    code = _slow_nearest(projected, vq.codebook.weight, options.normalize_codes)
                    answer = vq.out_proj.weight[:, :, 0] @ vq.codebook.weight[code] + vq.out_proj.bias
                    assert code == int(output.codes[b, k, t])
                    residual, total = residual - answer, total + answer
                torch.testing.assert_close(output.quantized[b, :, t], total)
    torch.testing.assert_close(rvq.from_codes(output.codes), output.quantized)


def test_straight_through_gradient_is_exactly_one():
    torch.manual_seed(3)
    vq = VectorQuantizer(4, 4, 8, 4, PLAIN).eval()
    with torch.no_grad():
        for projection in (vq.in_proj, vq.out_proj):
            projection.weight.copy_(torch.eye(4)[:, :, None])
            projection.bias.zero_()
    latent = torch.randn(2, 4, 5, requires_grad=True)
    vq(latent).quantized.sum().backward()
    assert torch.equal(latent.grad, torch.ones_like(latent))


def test_losses_pull_the_right_side():
    torch.manual_seed(4)
    vq = VectorQuantizer(4, 4, 8, 3, PLAIN)
    output = vq(torch.randn(2, 4, 5))
    torch.testing.assert_close(output.commitment_loss, output.codebook_loss)
    output.commitment_loss.backward(retain_graph=True)
    assert vq.codebook.weight.grad is None
    assert vq.in_proj.weight.grad.abs().sum() > 0
    vq.zero_grad()
    output.codebook_loss.backward()
    assert vq.in_proj.weight.grad is None
    assert vq.codebook.weight.grad.abs().sum() > 0


def test_losses_ignore_padding():
    torch.manual_seed(5)
    rvq = ResidualVectorQuantizer(6, 2, 16, 4, dropout=0.0, options=PLAIN).eval()
    latent = torch.randn(2, 6, 8)
    mask = torch.arange(8) < torch.tensor([[8], [3]])
    masked = rvq(latent, mask)
    frames = torch.cat([latent[0], latent[1, :, :3]], dim=1)[None]
    alone = rvq(frames)
    torch.testing.assert_close(masked.commitment_loss, alone.commitment_loss)
    torch.testing.assert_close(masked.codebook_loss, alone.codebook_loss)


def test_quantizer_dropout_uses_first_quantizers_only_while_training():
    torch.manual_seed(6)
    rvq = ResidualVectorQuantizer(6, 4, 16, 4, dropout=1.0, options=PLAIN)
    latent = torch.randn(64, 6, 3)
    output = rvq(latent)
    partial = torch.stack(output.contributions).cumsum(0)
    depths = [
        min(k for k in range(4) if torch.allclose(partial[k, b], output.quantized[b], atol=1e-6)) for b in range(64)
    ]
    assert set(depths) == {0, 1, 2, 3}
    rvq.eval()
    output = rvq(latent)
    torch.testing.assert_close(output.quantized, torch.stack(output.contributions).sum(0))


@settings(max_examples=20, deadline=None)
@given(n_quantizers=st.integers(1, 4), seed=st.integers(0, 100))
def test_fewer_quantizers_are_a_prefix(n_quantizers, seed):
    torch.manual_seed(seed)
    rvq = ResidualVectorQuantizer(5, 4, 16, 4, dropout=0.5, options=PLAIN).eval()
    latent = torch.randn(1, 5, 7)
    full, short = rvq(latent), rvq(latent, n_quantizers=n_quantizers)
    assert torch.equal(short.codes, full.codes[:, :n_quantizers])


def test_look_up_is_in_single_precision_under_autocast():
    torch.manual_seed(7)
    codebook = Codebook(512, 8, PLAIN)
    vectors = torch.randn(500, 8)
    expected = codebook.nearest(vectors)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(codebook.nearest(vectors), expected)


def test_health_counts_usage_of_valid_frames():
    vq = VectorQuantizer(2, 2, 8, 2, CodebookOptions(usage_decay=0.5))
    assert vq.codebook.health().used == 0
    assert vq.codebook.health().perplexity != vq.codebook.health().perplexity  # undefined, not 0
    vq.codebook.observe(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1]))
    health = vq.codebook.health()
    assert (health.used, health.dead) == (2, 6)
    assert health.perplexity == pytest.approx(2.0)
    vq.codebook.observe(torch.zeros(4, 2), torch.tensor([2, 2, 2, 2]))
    assert vq.codebook.usage.tolist() == [1, 1, 2, 0, 0, 0, 0, 0]


def test_padding_is_not_counted():
    torch.manual_seed(8)
    vq = VectorQuantizer(3, 3, 8, 3, PLAIN).train()
    vq(torch.randn(2, 3, 10), torch.arange(10) < torch.tensor([[10], [4]]))
    assert vq.codebook.usage.sum() == 14
    vq.eval()
    vq(torch.randn(2, 3, 10))
    assert vq.codebook.usage.sum() == 14


def test_dead_codes_restart_on_data():
    torch.manual_seed(9)
    options = CodebookOptions(restart_dead_codes=True, restart_interval=2)
    codebook = Codebook(8, 2, options)
    vectors = torch.randn(6, 2) + 100
    codes = torch.zeros(6, dtype=torch.long)
    before = codebook.weight.clone()
    codebook.observe(vectors, codes)
    assert torch.equal(codebook.weight, before)
    codebook.observe(vectors, codes)
    assert torch.equal(codebook.weight[0], before[0])
    assert all(any(torch.equal(row, vector) for vector in vectors) for row in codebook.weight[1:])
    assert codebook.health().dead == 0


@pytest.mark.parametrize("options", [PLAIN, EUCLIDEAN])
def test_kmeans_initialization_finds_separate_clusters(options):
    torch.manual_seed(10)
    options = CodebookOptions(normalize_codes=options.normalize_codes, kmeans_init=True)
    angles = torch.arange(6) * torch.pi / 3
    centres = torch.stack([angles.cos(), angles.sin()], dim=1) * 3
    vectors = (centres[:, None] + 0.01 * torch.randn(6, 50, 2)).flatten(0, 1)
    codebook = Codebook(24, 2, options)
    codebook.prepare(vectors)
    found = codebook.weight[codebook.nearest(vectors)]
    assert (found - vectors).norm(dim=1).max() < 0.5
    before = codebook.weight.clone()
    codebook.observe(vectors, codebook.nearest(vectors))
    codebook.prepare(vectors + 5)
    assert torch.equal(codebook.weight, before)  # only the first batch counts


def test_kmeans_initialization_with_fewer_vectors_than_codes():
    torch.manual_seed(11)
    codebook = Codebook(64, 2, CodebookOptions(kmeans_init=True))
    codebook.prepare(torch.randn(5, 2))
    assert torch.isfinite(codebook.weight).all()


def _slow_running_means(batches, first, decay):
    """Every code's mean by the definition: decayed sums over decayed counts, vector by vector."""
    n_codes = len(first)
    sums, counts, means = [torch.zeros(2, dtype=torch.float64) for _ in range(n_codes)], [0.0] * n_codes, first.double()
    for number, (vectors, codes) in enumerate(batches):
        share = 1.0 if number == 0 else 1 - decay
        for code in range(n_codes):
            chosen = vectors[codes == code].double()
            sums[code] = (1 - share) * sums[code] + share * chosen.sum(0)
            counts[code] = (1 - share) * counts[code] + share * len(chosen)
            if len(chosen):
                means[code] = sums[code] / counts[code]
    return means


def test_running_means_equal_a_slow_loop():
    torch.manual_seed(12)
    codebook = Codebook(5, 2, CodebookOptions(codebook_update="ema", usage_decay=0.9))
    assert not codebook.weight.requires_grad
    first = codebook.weight.detach().clone()
    # code 4 is never chosen and stays; code 3 is first chosen in the third batch
    batches = [(torch.randn(40, 2), torch.randint(0, 3 if number < 2 else 4, (40,))) for number in range(6)]
    for vectors, codes in batches:
        codebook.observe(vectors, codes)
    torch.testing.assert_close(codebook.weight.double(), _slow_running_means(batches, first, 0.9), atol=1e-5, rtol=1e-5)
    assert torch.equal(codebook.weight[4], first[4])


def test_running_means_reach_the_clusters_without_a_gradient():
    torch.manual_seed(13)
    options = CodebookOptions(normalize_codes=False, codebook_update="ema", usage_decay=0.5)
    vq = VectorQuantizer(2, 2, 2, 2, options).train()
    with torch.no_grad():
        vq.in_proj.weight.copy_(torch.eye(2)[..., None])
        vq.in_proj.bias.zero_()
        vq.codebook.weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))
    centres = torch.tensor([[3.0, 0.0], [0.0, -5.0]])
    for _ in range(12):
        latent = (centres[:, :, None] + 0.01 * torch.randn(2, 2, 50)).requires_grad_()
        output = vq(latent)
        (output.codebook_loss + output.commitment_loss).backward()
    torch.testing.assert_close(vq.codebook.weight, centres, atol=0.02, rtol=0)
    assert vq.codebook.weight.grad is None


def test_principal_components_leave_the_least():
    """Each quantizer projects on the plane through its residual that leaves least of it (by scikit-learn's PCA)."""
    from sklearn.decomposition import PCA

    torch.manual_seed(14)
    options = CodebookOptions(normalize_codes=False, kmeans_init=True, codebook_update="ema")
    rvq = ResidualVectorQuantizer(6, 2, 64, 2, dropout=0.0, options=options, pca_init=True).train()
    spread = torch.tensor([9.0, 0.1, 5.0, 3.0, 0.2, 2.0])
    latent = torch.randn(3, 6, 80) * spread[:, None] + 4
    mask = torch.arange(80) < torch.tensor([[80], [80], [50]])
    # what stands in the padding must not matter
    rvq(torch.where(mask[:, None], latent, 1e3), mask)
    residual = latent.transpose(1, 2)[mask]
    for quantizer in rvq.quantizers:
        expected = PCA(2).fit(residual.numpy())
        plane = quantizer.in_proj.weight[..., 0].detach()
        wanted = torch.from_numpy(expected.components_)
        torch.testing.assert_close(plane.T @ plane, wanted.T @ wanted, atol=1e-3, rtol=0)
        back = quantizer.out_proj(quantizer.in_proj(residual.T[None]))[0].T
        torch.testing.assert_close(
            back, torch.from_numpy(expected.inverse_transform(expected.transform(residual.numpy()))), atol=1e-2, rtol=0
        )
        with torch.no_grad():
            codes = quantizer.codebook.nearest(quantizer.in_proj(residual.T[None])[0].T)
            residual = residual - quantizer.from_codes(codes[None])[0].T
    before = rvq.quantizers[0].in_proj.weight.clone()
    rvq(latent + 5, mask)
    assert torch.equal(rvq.quantizers[0].in_proj.weight, before)  # only the first batch counts
