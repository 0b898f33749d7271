"""Delegate consequential work to agents; nothing irreversible happens without your yes."""
