"""Drivers of real processes for the tests."""
