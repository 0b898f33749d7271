"""Engines drive procedures: in this process, or on somebody else's scheduler."""
