"""The errands desk: small things to be done for somebody in the world outside."""
