"""MusicGen, cut along the paper's parts: text, decoder, delay pattern, sampling, codec; and the engine."""
