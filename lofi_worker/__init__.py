"""The inference process: holds the ONNX sessions, takes jobs, leaves finished tracks in the spool."""

import os

# Official builds of ONNX Runtime send telemetry unless this is set before they are loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
