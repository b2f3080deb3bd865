"""From pairs to a trained generator."""
