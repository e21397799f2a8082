"""A name, number or id to one person or chat."""
