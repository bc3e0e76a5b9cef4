"""How the tables of the audit database came to be what they are, step by step."""
