"""The door: one HTTP API, over the same functions for whoever asks."""
