"""Models, behind their port."""
