"""What goes over the wire: the same models for whoever serves and whoever asks."""
