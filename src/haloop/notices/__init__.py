"""Telling people what waits for them and what went wrong, as the ledger says it."""
