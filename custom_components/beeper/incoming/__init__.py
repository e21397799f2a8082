"""Messages and changes that others make."""
