"""The starter's codec: an ONNX graph that plays codes on the sound bank, in a stream."""
