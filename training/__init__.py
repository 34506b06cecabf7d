"""The recipe of the starter model: compose, caption, train, export, judge. Needs the `training` extra."""
