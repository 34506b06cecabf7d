"""Makes model folders of the run-time layout out of weights. Needs onnx; the worker does not."""
