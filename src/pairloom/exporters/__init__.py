"""Models for other programs: ONNX, `torch.export`, a web folder; and generators of other programs as models."""
