"""The missions desk. So far it is the workflow templates that ship with Haloop, in `workflows/`."""
