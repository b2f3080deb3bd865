"""Outputs at another size, a band at a time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from pairloom.config import Size
from pairloom.models import resize
from pairloom.models.resize import resized_bands


def _resized(output: Tensor, size: Size) -> tuple[Tensor, int]:
    """Return an output at a size, and in how many bands it came; rows that were given up are never asked for again."""
    asked: list[int] = []

    def rows(first: int, last: int) -> Tensor:
        assert 0 <= first < last <= output.shape[2]
        assert not asked or first >= asked[-1]
        asked.append(first)
        return output[:, :, first:last]

    bands = list(resized_bands(rows, output.shape[1], Size(*output.shape[2:]), size))
    assert [band.rows.start for band in bands[1:]] == [band.rows.stop for band in bands[:-1]]
    return torch.cat([band.output for band in bands], dim=2), len(bands)


@given(own=st.tuples(*[st.integers(1, 40)] * 2), wanted=st.tuples(*[st.integers(1, 70)] * 2), band=st.integers(1, 500))
@settings(max_examples=60, deadline=None)
def test_bands_together_are_the_whole_resized_bilinearly(
    own: tuple[int, int], wanted: tuple[int, int], band: int
) -> None:
    output = torch.rand(1, 3, *own, generator=torch.Generator().manual_seed(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resize, "BAND_NUMBERS", band)
        found, _ = _resized(output, Size(*wanted))
    images = [Image.fromarray(channel.numpy()) for channel in output[0]]
    expected = [np.asarray(image.resize(wanted[::-1], Image.Resampling.BILINEAR)) for image in images]
    np.testing.assert_allclose(found[0].numpy(), np.stack(expected), atol=1e-5)


def test_at_its_own_size_an_answer_is_as_it_was() -> None:
    output = torch.randn(1, 2, 9, 13)
    assert torch.equal(_resized(output, Size(9, 13))[0], output)


def test_a_large_result_never_exists_whole() -> None:
    _, bands = _resized(torch.zeros(1, 30, 8, 8), Size(1000, 1500))
    assert bands >= 10
