"""How a generator's output is read."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from pairloom.models.heads import ClassHead, Painter, RgbHead
from pairloom.palette import CAMVID, CITYSCAPES, VOID, UInt8Array

CPU = torch.device("cpu")


@given(ids=nps.arrays(np.uint8, (2, 5, 7), elements=st.sampled_from([*range(11), VOID])))
@settings(max_examples=30, deadline=None)
def test_painted_classes_are_the_palettes_colours_and_are_read_back(ids: UInt8Array) -> None:
    painter = Painter(CAMVID, CPU)
    picture = painter(torch.from_numpy(ids))
    expected = torch.from_numpy(CAMVID.to_colours(ids)).permute(0, 3, 1, 2) / 127.5 - 1
    assert torch.allclose(picture, expected)
    scored = ids != VOID
    assert (RgbHead(painter).read(picture).numpy()[scored] == ids[scored]).all()


def test_the_rgb_head_never_answers_void() -> None:
    black = torch.full((1, 3, 4, 4), -1.0)
    assert int(RgbHead(Painter(CITYSCAPES, CPU)).read(black).max()) < len(CITYSCAPES)


def test_the_class_heads_picture_is_pure_and_its_gradient_is_the_softmaxs() -> None:
    torch.manual_seed(0)
    painter = Painter(CAMVID, CPU)
    head = ClassHead(painter)
    logits = torch.randn(1, 11, 3, 4, requires_grad=True)
    picture = head.picture(logits)
    assert torch.allclose(picture, painter(head.read(logits)), atol=1e-6)
    (gradient,) = torch.autograd.grad(picture.square().sum(), logits)
    soft = torch.einsum("bkhw,kc->bchw", logits.softmax(dim=1), painter.colours)
    (expected,) = torch.autograd.grad((soft * 2 * picture.detach()).sum(), logits)
    assert gradient.abs().sum() > 0
    assert torch.allclose(gradient, expected, atol=1e-5)
