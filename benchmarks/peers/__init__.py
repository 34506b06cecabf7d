"""One process for each way to run MusicGen. A module here is run as `python -m` with a task's file."""
