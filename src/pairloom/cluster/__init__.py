"""Using a model on many machines: Ray Data, and paths on remote file systems."""
