"""How people are reached by mail."""
