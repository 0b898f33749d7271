"""The practice world: small real servers that speak the outside systems' protocols. Nothing here costs anything."""
