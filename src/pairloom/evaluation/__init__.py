"""Scores, baselines, and the pictures that show them."""
