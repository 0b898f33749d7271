"""The agents' door: tools with which any MCP client proposes, watches and reads receipts, and never approves."""
