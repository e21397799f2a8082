"""Figures out of interleaved runs: medians, and how far they spread."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the result: a measurement, its reference, and its limit.

    `low` and `high` are the quartiles. A `limit` is the most that the median may be, or
    with `at_least` the least.
    """

    name: str
    unit: str
    median: float
    low: float
    high: float
    runs: int
    limit: float | None = None
    at_least: bool = False

    @property
    def kept(self) -> bool | None:
        """Whether the aim is met, None without a limit."""
        if self.limit is None:
            return None
        return self.median >= self.limit if self.at_least else self.median <= self.limit


def figure(
    name: str,
    unit: str,
    values: Iterable[float],
    *,
    limit: float | None = None,
    at_least: bool = False,
) -> Figure:
    """Sum up what several runs gave."""
    values = sorted(values)
    low, _, high = quantiles(values) if len(values) > 1 else (values[0],) * 3
    return Figure(
        name=name,
        unit=unit,
        median=median(values),
        low=low,
        high=high,
        runs=len(values),
        limit=limit,
        at_least=at_least,
    )


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Divide run by run: what slows the machine down for a while slows down both."""
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def alternate[T](number: int, sides: Sequence[T]) -> Sequence[T]:
    """Return the sides of a round, in another order than in the one before."""
    turn = number % len(sides)
    return [*sides[turn:], *sides[:turn]]


def table(figures: Iterable[Figure]) -> str:
    """Return a Markdown table."""
    lines = [
        "| What | Median | Quartiles | Runs | Aim |",
        "|---|---:|---:|---:|---|",
    ]
    for row in figures:
        aim = ""
        if row.limit is not None:
            sign = "≥" if row.at_least else "≤"
            met = "met" if row.kept else "missed"
            aim = f"{sign} {_shown(row.limit, row.unit)}: {met}"
        lines.append(
            f"| {row.name} | {_shown(row.median, row.unit)} "
            f"| {_shown(row.low)}–{_shown(row.high)} | {row.runs} | {aim} |"
        )
    return "\n".join(lines)


def _shown(value: float, unit: str = "") -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}{unit if unit in ('×', '') else f' {unit}'}"
