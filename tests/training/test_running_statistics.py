"""Which tensors the processes that train together average: batch norm's, and nothing that is fixed."""

from torch import nn

from pairloom.models.efficientnet_lite import EfficientNetLite0
from pairloom.models.encoder_unet import EncoderUNet
from pairloom.models.layers import Norm
from pairloom.training.networks import running_statistics


def test_the_statistics_of_a_pretrained_encoder_are_left_alone() -> None:
    network = EncoderUNet(EfficientNetLite0(), width=8, fine_width=4, norm=Norm("batch"))
    found = {id(tensor) for tensor in running_statistics(network)}
    assert found == {
        id(tensor)
        for layer in network.modules()
        if isinstance(layer, nn.BatchNorm2d)
        for tensor in (layer.running_mean, layer.running_var)
    }
    assert any(name.endswith(".variance") and id(buffer) not in found for name, buffer in network.named_buffers())
