"""What can be done, by whomever: one module per kind of outside system. Connectors stand behind these."""
