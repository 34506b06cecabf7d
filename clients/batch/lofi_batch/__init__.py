"""`lofi-batch`: many prompts to many tracks, whatever happens on the way."""
