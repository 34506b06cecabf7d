"""Everything that crosses a process: messages, wire codec, API, errors, job states, config, paths, logs."""

__version__ = "0.1.0"
PROTOCOL = 1
