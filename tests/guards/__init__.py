"""Guards over the repository."""
