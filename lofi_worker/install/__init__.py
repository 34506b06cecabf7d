"""Brings a model onto this machine: finds its files, fetches them, has them imported, puts them in place."""
