"""What people write from where they talk: each letter becomes what `haloop ask` would make of it, and is answered."""
