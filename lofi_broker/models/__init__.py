"""Models on disk and on their way there."""
