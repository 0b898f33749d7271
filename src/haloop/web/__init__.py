"""What people open in a browser: files, and nothing else. All that they know they ask of the API."""
