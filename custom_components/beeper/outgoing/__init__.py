"""Everything that is sent, and what became of it."""
