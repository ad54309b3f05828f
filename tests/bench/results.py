"""A line of the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """A line of the report: two figures with their unit, their ratio, and what it is to be at least or at most."""

    name: str
    ours: float
    floor: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.floor

    @property
    def budget(self) -> str:
        if self.least is not None:
            return f">= {self.least:.2f}"
        return f"<= {self.most:.2f}" if self.most is not None else "-"

    @property
    def verdict(self) -> str:
        if self.least is None and self.most is None:
            return ""
        is_over = (self.least is not None and self.ratio < self.least) or (
            self.most is not None and self.ratio > self.most
        )
        return "OVER" if is_over else "ok"
