"""Measures the starter model against real renders and planted controls. `python -m training.judge`."""
