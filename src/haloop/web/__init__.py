"""The page that people open: files, and nothing else. All that it knows it asks of the API."""
