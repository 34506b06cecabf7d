"""Words that state several attributes at once, and genres that imply something.

Each is said only of tracks that have all its values. Values are those of `lexicon.values_of`.
"""

from __future__ import annotations

from training.captions.roles import Role, Value

MOODS: tuple[tuple[dict[str, Value], Role, tuple[str, ...]], ...] = (
    ({"mode": "minor", "tone": "dark"}, Role.ADJECTIVE,
     ("gloomy", "brooding", "eerie", "haunting", "ominous", "sinister", "bleak", "grim", "spooky",
      "menacing", "gothic")),
    ({"mode": "major", "tone": "bright"}, Role.ADJECTIVE,
     ("sunny", "summery", "radiant", "sun-drenched", "euphoric", "sunlit", "sunshiny", "sun-kissed")),
    ({"tempo_word": 0, "density": "sparse"}, Role.ADJECTIVE,
     ("sleepy", "drowsy", "meditative", "lethargic", "lullaby-like", "snoozy", "hypnotic and still")),
    ({"tempo_word": 0, "density": "sparse"}, Role.CLAUSE,
     ("to fall asleep to", "to help me fall asleep", "like a lullaby", "to put me to sleep")),
    ({"tempo_word": 2, "density": "busy"}, Role.ADJECTIVE,
     ("energetic", "high energy", "hectic", "hyper", "frantic", "energizing", "high-energy", "frenetic",
      "full of energy")),
    ({"tempo_word": 0, "mode": "minor"}, Role.ADJECTIVE, ("mournful", "funereal", "dirge-like", "weepy")),
    ({"tempo_word": 2, "mode": "major"}, Role.ADJECTIVE,
     ("jaunty", "perky", "chipper", "exuberant", "jubilant", "zesty", "bubbly")),
    ({"mode": "jazzy", "tone": "dark"}, Role.ADJECTIVE, ("noir", "film noir", "smoky")),
    ({"mode": "jazzy", "swing": "heavy"}, Role.ADJECTIVE, ("swing jazz", "jazz with a swing")),
    ({"tape": True, "tone": "warm"}, Role.NOUN,
     ("warm tape", "tape warmth", "warm tape saturation", "warm cassette sound")),
    ({"keys": "piano", "bass": "upright", "drums": "brushes"}, Role.CLAUSE,
     ("jazz trio", "piano trio", "a jazz piano trio", "like a piano trio")),
    ({"rain": True, "cafe": True}, Role.CLAUSE,
     ("rainy cafe", "a rainy day at the cafe", "in a cafe while it rains", "rainy coffee shop")),
    ({"rain": True, "night": True}, Role.NOUN, ("rain and crickets", "crickets after the rain")),
    ({"vinyl": True, "rain": True}, Role.NOUN, ("rain and vinyl crackle", "crackle and rain")),
    ({"vinyl": True, "tape": True}, Role.NOUN, ("vinyl and tape noise", "tape hiss and crackle")),
)  # fmt: skip
GENRES: tuple[tuple[dict[str, Value], Role, tuple[str, ...]], ...] = (
    ({"mode": "jazzy"}, Role.ADJECTIVE, ("jazzhop", "jazz hop", "jazz-hop", "lofi jazz", "jazz lofi")),
    ({"drums": "808"}, Role.ADJECTIVE, ("trap lofi", "lofi trap", "lo-fi trap", "trap", "trappy")),
    ({"drums": "boombap"}, Role.ADJECTIVE,
     ("90s hip hop", "old school hip hop", "golden age hip hop", "boom bap lofi", "90s boom bap")),
    ({"drums": "none"}, Role.ADJECTIVE,
     ("ambient", "ambient lofi", "drone", "ambient-style", "lofi ambient")),
    ({"keys": "guitar"}, Role.ADJECTIVE, ("bossa nova", "bossa", "lofi bossa nova", "flamenco-style")),
    ({"keys": "rhodes"}, Role.ADJECTIVE, ("neo-soul", "neo soul", "neosoul")),
    ({"keys": "pad"}, Role.ADJECTIVE, ("synthwave", "vaporwave", "dreamwave")),
    ({"tempo_word": 0}, Role.ADJECTIVE, ("ballad-like", "slowcore", "ballad")),
)  # fmt: skip
