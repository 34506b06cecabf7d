"""The inference process: holds the ONNX sessions, takes jobs, leaves finished tracks in the spool."""
