"""Losses of class maps: what they are worth at certain answers, and that void counts for nothing."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

from pairloom.evaluation.metrics import score
from pairloom.palette import CAMVID, VOID
from pairloom.training.segmentation_losses import bounded_class_weights, cross_entropy, descending, lovasz_loss

K = len(CAMVID)
IDS = st.sampled_from([0, 1, 4, K - 1])
MAPS = hnp.arrays(np.uint8, (6, 5), elements=st.one_of(IDS, st.just(VOID)))


def _sure(ids: np.ndarray) -> Tensor:
    """Logits that leave no doubt about the class of any pixel."""
    return 100.0 * torch.nn.functional.one_hot(torch.from_numpy(ids).long(), K).permute(2, 0, 1).unsqueeze(0).float()


def test_class_weights_fall_with_the_fraction_and_are_bounded() -> None:
    weights = bounded_class_weights(np.array([0.5, 0.01, 0.0]), 1.02)
    assert weights.tolist() == pytest.approx([2.38828, 33.83088, 50.49835], rel=1e-5)


@settings(deadline=None)
@given(hnp.arrays(np.uint8, (6, 5), elements=IDS), MAPS)
def test_of_certain_answers_the_lovasz_loss_is_one_minus_the_iou(prediction: np.ndarray, truth: np.ndarray) -> None:
    found = float(lovasz_loss(_sure(prediction), torch.from_numpy(truth).unsqueeze(0)))
    there = np.unique(truth[truth != VOID])
    ious = score([("", prediction, truth)], CAMVID, "").iou[there]
    assert found == pytest.approx(np.mean(1 - ious) if len(there) else 0.0, abs=1e-5)


@settings(deadline=None)
@given(MAPS, st.integers(0, 2**32 - 1))
def test_what_is_answered_where_there_is_no_truth_changes_nothing(truth: np.ndarray, seed: int) -> None:
    target = torch.from_numpy(truth).unsqueeze(0)
    logits = torch.randn(1, K, *truth.shape, generator=torch.Generator().manual_seed(seed))
    others = torch.where(target == VOID, logits.flip(1), logits)
    for loss in (lovasz_loss, partial(cross_entropy, weights=None)):
        torch.testing.assert_close(loss(logits, target), loss(others, target))


def test_the_lovasz_gradient_leads_to_the_truth() -> None:
    rng = np.random.default_rng(0)
    target = torch.from_numpy(rng.integers(0, K, (1, 8, 8), dtype=np.uint8))
    logits = torch.zeros(1, K, 8, 8, requires_grad=True)
    descent = torch.optim.Adam([logits], lr=0.3)
    for _ in range(60):
        descent.zero_grad()
        torch.autograd.backward(lovasz_loss(logits, target))
        descent.step()
    assert torch.equal(logits.argmax(dim=1), target.long())


def test_a_batch_of_void_costs_nothing_and_teaches_nothing() -> None:
    target = torch.full((1, 4, 4), VOID, dtype=torch.uint8)
    logits = torch.randn(1, K, 4, 4, requires_grad=True)
    torch.autograd.backward(lovasz_loss(logits, target))
    assert logits.grad is not None
    assert not logits.grad.any()


@settings(deadline=None)
@given(hnp.arrays(np.uint8, (3, 6, 5), elements=st.one_of(IDS, st.just(VOID))), st.integers(0, 2**32 - 1))
def test_the_loss_of_a_batch_is_the_mean_of_its_pairs_losses(truth: np.ndarray, seed: int) -> None:
    target = torch.from_numpy(truth)
    logits = torch.randn(3, K, 6, 5, generator=torch.Generator().manual_seed(seed))
    weights = torch.linspace(1, 5, K)
    for loss in (lovasz_loss, partial(cross_entropy, weights=None), partial(cross_entropy, weights=weights)):
        alone = [loss(logits[index : index + 1], target[index : index + 1]) for index in range(3)]
        torch.testing.assert_close(loss(logits, target), torch.stack(alone).mean())


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([0.0, 1e-38, 1e-7, 0.25, 0.5, 1.0, 2.0]) | st.floats(0, 2, width=32), min_size=1))
def test_errors_are_sorted_from_the_largest_and_equal_ones_by_their_place(errors: list[float]) -> None:
    tensor = torch.tensor(errors).expand(1, 2, -1)
    expected = tensor.sort(dim=2, descending=True, stable=True)
    assert torch.equal(descending(tensor), expected.indices)
