"""Load, hostile servers, and generated faults."""
