"""The player: a process of its own that decodes tracks and gives them to a sound device."""
