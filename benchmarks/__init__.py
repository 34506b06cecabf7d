"""How fast lofi is: alone (engine.py, startup.py) and beside others that run the same model (compare.py)."""
