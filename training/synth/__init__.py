"""The sounds of the starter's codec, all synthesised: one-shots of every note, drums and noise loops."""
