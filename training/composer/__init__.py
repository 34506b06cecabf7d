"""Attributes to notes: a rule-based composer of lo-fi tracks on a grid of 16th notes."""

from training.composer.plan import Plan, sample_plan
from training.composer.song import Score, compose

__all__ = ["Plan", "Score", "compose", "sample_plan"]
