"""The way from a sandbox to a model: one socket for each attempt, outside of which the key stays."""
