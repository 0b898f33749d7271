"""Missions as people see them: their templates, their files, how far they are, and their folders on disk."""
