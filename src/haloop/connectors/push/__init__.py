"""How people are reached on their devices."""
