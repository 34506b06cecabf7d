"""The commands `lofi` and `lofi-submit`."""
