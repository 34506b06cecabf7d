"""Reads the published forms of a MusicGen checkpoint into one: its sizes, its tokenizer, its weights by name.

What is read here comes from anywhere: every size is bounded and checked before memory is taken for it, no
graph of a file is run, and no pickle is opened.
"""
