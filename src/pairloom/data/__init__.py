"""Pairs on disk, decoded pairs, their augmentation, and the generated street scenes."""
