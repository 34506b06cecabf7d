"""Attributes to prompts: what people may type for a track, and which attributes they said with it."""

from training.captions.writer import Caption, write_caption

__all__ = ["Caption", "write_caption"]
