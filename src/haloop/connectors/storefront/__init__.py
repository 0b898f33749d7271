"""Shops that are visited with a browser, each described by a recipe."""
