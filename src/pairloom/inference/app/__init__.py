"""The web page and the HTTP API of a trained model, on Gradio (extra `app`)."""

from pairloom.inference.app.server import serve

__all__ = ["serve"]
