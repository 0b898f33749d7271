"""Who does it: one module per outside system, grouped as the ports are."""
