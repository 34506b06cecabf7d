"""Kills, stops and full disks for real brokers, workers and clients, and the proof that nothing was lost."""
