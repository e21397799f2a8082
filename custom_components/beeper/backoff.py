"""Growing delays between attempts that fail."""

_MAX_DOUBLINGS = 16


def backoff(failures: int, shortest: float, longest: float) -> float:
    """Return the seconds to wait after so many failures in a row, doubled by each."""
    return min(shortest * 2.0 ** min(failures - 1, _MAX_DOUBLINGS), longest)
