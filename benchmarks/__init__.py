"""What the integration costs, next to what the same work costs without it."""
