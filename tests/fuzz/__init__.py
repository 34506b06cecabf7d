"""Random histories of the queue and random bytes for whatever reads bytes from outside."""
