"""Attributes to notes: a rule-based composer of lo-fi loops on a grid of 16th notes."""

from training.composer.song import Score, compose

__all__ = ["Score", "compose"]
