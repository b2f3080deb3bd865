"""The web page and the HTTP API of a trained model, on FastAPI (extra `app`)."""

from pairloom.serving.server import serve

__all__ = ["serve"]
