"""The networks, how they are saved, and how a prediction is taken from them."""
