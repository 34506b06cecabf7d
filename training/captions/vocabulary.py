"""Words for what a prompt may state. A word stands under one attribute only, or it would teach both wrong."""

MODE_WORDS = {
    "major": (
        "happy", "uplifting", "sunny", "sweet", "hopeful", "cheerful", "joyful", "playful", "optimistic",
        "feel-good", "carefree", "happy mood", "positive", "smiling", "light-hearted", "in a major key",
        "major key", "summery", "blissful", "heartwarming", "feelgood", "joyous", "merry",
    ),
    "minor": (
        "sad", "melancholic", "melancholy", "moody", "nostalgic", "lonely", "emotional", "gloomy",
        "heartbroken", "bittersweet", "wistful", "somber", "sorrowful", "sad mood", "tearful",
        "in a minor key", "minor key", "longing", "depressing", "crying", "introspective", "blue mood",
        "heartache", "brooding", "mournful",
    ),
    "jazzy": (
        "jazzy", "jazz", "smooth jazz", "late night jazz", "cafe jazz", "jazz hop", "jazzhop",
        "jazz chords", "sophisticated", "jazz club", "lounge jazz", "coffee shop jazz", "jazzy chords",
        "jazz-influenced", "lounge", "jazzy feel", "jazz lounge", "bebop", "jazz bar",
    ),
}  # fmt: skip
TEMPO_WORDS = (
    ("slow", "very slow", "really slow", "sleepy", "slow tempo", "low tempo", "downtempo", "slow-paced",
     "lazy", "drowsy", "super slow", "unhurried", "slowed", "slowed down", "at a slow pace", "slow motion",
     "crawling"),
    ("mid-tempo", "midtempo", "medium tempo", "moderate tempo", "medium paced", "mid tempo", "steady",
     "laid-back", "laid back", "moderate", "at a medium pace", "easygoing", "not too fast, not too slow",
     "walking pace"),
    ("upbeat", "fast", "energetic", "quick", "lively", "up-tempo", "uptempo", "fast-paced", "groovy",
     "bouncy", "faster", "driving", "brisk", "up tempo", "high energy", "fast tempo",
     "at a fast pace", "funky", "peppy"),
)  # fmt: skip
KEYS_WORDS = {
    "rhodes": (
        "rhodes", "electric piano", "e-piano", "fender rhodes", "wurlitzer", "wurli", "rhodes chords",
        "rhodes piano", "electric keys", "electric piano chords", "epiano", "rhodes keys", "keys",
        "tine piano",
    ),
    "piano": (
        "piano", "felt piano", "soft piano", "dusty piano", "grand piano", "piano chords", "piano loop",
        "old piano", "acoustic piano", "upright piano", "gentle piano", "pianos", "a piano", "piano keys",
        "detuned piano",
    ),
    "guitar": (
        "guitar", "nylon guitar", "acoustic guitar", "plucked guitar", "fingerpicked guitar",
        "classical guitar", "guitar chords", "guitar loop", "strummed guitar", "guitars", "a guitar",
        "spanish guitar", "fingerstyle guitar", "guitar strumming", "picked guitar", "electric guitar",
        "nylon string guitar",
    ),
    "pad": (
        "synth pad", "warm pads", "ambient pad", "synth", "synths", "synthesizer", "dreamy pads",
        "lush pads", "ambient synths", "string pad", "pads", "synth chords", "ethereal pads", "airy pads",
        "synth pads", "strings", "analog synth", "ambient pads", "floating synths",
    ),
}  # fmt: skip
LEAD_WORDS = {
    "flute": (
        "flute", "breathy flute", "woodwind", "woodwinds", "flute melody", "a flute", "pan flute", "flutes",
        "wooden flute", "flute lead", "flute solo", "flute on top", "a flute playing the melody",
        "flute line",
    ),
    "bell": (
        "bells", "music box", "glockenspiel", "bell", "chimes", "celesta", "tinkling bells", "bell melody",
        "music box melody", "glockenspiel melody", "bell lead", "bells on top", "twinkling bells",
        "a music box", "glassy bells", "little bells",
    ),
    "vibes": (
        "vibraphone", "vibes solo", "vibraphone melody", "marimba", "mallets", "xylophone",
        "vibraphone lead", "vibraphone solo", "a vibraphone", "jazz vibes", "vibes melody", "mallet melody",
        "marimba melody",
    ),
    "guitar": (
        "guitar melody", "lead guitar", "guitar lead", "guitar solo", "guitar on top", "guitar licks",
        "guitar riff", "a guitar playing the melody", "guitar line", "a guitar melody", "guitar riffs",
        "melodic guitar", "guitar lick",
    ),
    "piano": (
        "piano melody", "lead piano", "piano lead", "piano solo", "piano on top", "piano riff",
        "a piano melody", "a piano playing the melody", "piano line", "melodic piano", "piano licks",
        "piano motif",
    ),
}  # fmt: skip
LEAD_NONE = (
    "no melody", "no lead", "without a melody", "without lead", "just chords", "chords only", "no solo",
    "no lead melody", "only chords", "without a lead", "no lead instrument",
)  # fmt: skip
PAD_LAYER = (
    "with a pad underneath", "pads in the background", "background pad", "soft pad layer", "strings behind",
    "pad in the background", "synth layer behind", "a pad behind it", "pads underneath", "layered pads",
    "background pads", "a synth pad in the background", "strings in the background", "background synth",
)  # fmt: skip
BASS_WORDS = {
    "sub": (
        "sub bass", "deep bass", "808", "808 bass", "low sub bass", "heavy bass", "fat bass", "synth bass",
        "bassy", "rumbling bass", "deep sub", "sub", "subby bass", "big bass", "sine bass", "thick bass",
    ),
    "upright": (
        "upright bass", "jazz bass", "double bass", "acoustic bass", "plucked bass", "contrabass",
        "stand-up bass", "standup bass", "wooden bass", "walking bass", "bass fiddle", "woody bass",
    ),
}  # fmt: skip
DRUM_WORDS = {
    "boombap": (
        "boom bap drums", "boom bap", "boom-bap", "boombap beat", "dusty drums", "hip hop beat",
        "hip-hop drums", "drums", "beat", "punchy drums", "head-nodding beat", "drum beat", "a beat",
        "kick and snare", "hard drums", "crunchy drums", "breakbeat", "drum loop", "hip hop drums",
        "a drum beat", "90s drums", "boom bap beat", "knocking drums", "heavy drums", "a solid beat",
        "drum break", "mpc drums", "boombap", "big drums",
    ),
    "soft": (
        "soft drums", "brushes", "brushed drums", "brush drums", "brushed snare", "gentle percussion",
        "light rim shots", "light drums", "quiet drums", "gentle drums", "subtle percussion", "shaker",
        "rimshots", "light percussion", "soft percussion", "delicate percussion", "jazz brushes",
        "soft beat", "gentle beat", "rim clicks", "shakers", "drums played with brushes", "subtle drums",
        "brushed percussion", "rim shots", "soft brushes", "rimshot", "a soft beat", "hushed drums",
        "delicate drums", "tender drums", "mellow drums", "brushwork",
    ),
}  # fmt: skip
# What follows a negation: "no drums", "without drums", "drum-free" ...
NEGATED = {
    "drums": (
        "drums",
        "drum",
        "beat",
        "beats",
        "percussion",
        "drum beat",
        "drumming",
        "kick or snare",
        "drum kit",
    ),
    "vinyl": ("vinyl", "crackle", "vinyl crackle", "vinyl noise", "record noise", "record crackle"),
    "rain": ("rain", "rain sounds", "raindrops", "rain noise"),
    "both": ("noise", "background noise", "ambience", "background sounds", "sound effects", "ambient noise"),
    "piano": ("piano", "pianos"),
    "guitar": ("guitar", "guitars"),
    "flute": ("flute", "flutes"),
    "bell": ("bells",),
}
NEGATIONS = (
    "no {}", "without {}", "without any {}", "no {} please", "minus the {}", "leave out the {}",
    "skip the {}", "zero {}", "not a single {}", "no {} at all", "free of {}", "don't want {}", "w/o {}",
    "absolutely no {}", "but no {}", "and no {}", "with no {}", "there should be no {}", "do not use {}",
    "hold the {}", "not any {}",
)  # fmt: skip
DRUMLESS = (
    "drumless", "beatless", "drum-free", "percussion-free", "drums off", "drumfree", "beat-free",
    "percussionless", "no-drums", "non-percussive", "drum free",
)  # fmt: skip
VINYL_WORDS = (
    "vinyl crackle", "dusty vinyl", "old record", "crackling record", "crackling vinyl", "vinyl",
    "record crackle", "vinyl noise", "record noise", "vinyl hiss", "scratchy record", "crackle",
    "record player", "turntable crackle", "lp crackle", "needle noise", "surface noise", "worn record",
    "dusty record", "vinyl texture", "a crackling record", "old vinyl", "vinyl sound", "crackles",
    "crackly", "crackling", "gramophone", "a record player", "record static", "an old record", "phonograph",
    "vinyl pops", "pops and crackles", "crackly vinyl", "turntable", "a dusty old record",
)  # fmt: skip
RAIN_WORDS = (
    "rain", "rainy night", "rain sounds", "rainy day", "raindrops", "rainfall", "rain on the window",
    "rain in the background", "rainy", "rainy evening", "drizzle", "pouring rain", "gentle rain",
    "rain outside", "raining", "soft rain", "rainy mood", "a rainy afternoon", "rainstorm",
    "while it rains", "rain falling", "light rain", "rain against the glass", "rainy weather",
    "thunderstorm", "storm", "rain noise", "sound of rain", "rainy window", "wet streets", "rain ambience",
    "in the rain",
)  # fmt: skip
TONE_WORDS = {
    "dark": (
        "dark", "muffled", "underwater", "low-pass filtered", "lowpassed", "murky", "dull", "filtered",
        "muted", "dim", "shadowy", "dark sound", "dark tone", "low pass", "heard through a wall",
        "dark mix", "submerged", "low-passed",
    ),
    "warm": (
        "warm", "mellow", "warm tape", "analog warmth", "tape warmth", "rounded", "warm sound",
        "tape saturation", "warm tone", "warmth", "soft and warm", "warm and fuzzy", "fuzzy", "cassette",
        "cassette tape", "tape hiss",
    ),
    "bright": (
        "bright", "clean", "crisp", "clear", "shiny", "sparkling", "shimmering", "bright mix", "open sound",
        "bright sound", "bright tone", "crystal clear", "glossy", "polished", "clean sound", "hi-fi sound",
        "high fidelity",
    ),
}  # fmt: skip
TONE_ADJECTIVES = {
    "dark": ("dark", "muffled", "murky"),
    "warm": ("warm", "mellow"),
    "bright": ("bright", "clean", "crisp"),
}
DENSITY_WORDS = {
    "sparse": (
        "sparse", "minimal", "minimalist", "simple", "stripped back", "few notes", "spacious",
        "uncluttered", "stripped down", "minimalistic", "very few notes", "bare-bones", "lots of space",
        "empty",
    ),
    "busy": (
        "busy", "rich", "full", "dense", "layered", "lots of notes", "complex", "intricate", "active",
        "elaborate", "many notes", "a lot going on", "detailed", "packed",
    ),
}  # fmt: skip
SWING_WORDS = {
    "straight": ("straight rhythm", "no swing", "straight timing", "quantized", "unswung", "straight groove"),
    "heavy": (
        "heavy swing",
        "swung",
        "lots of swing",
        "swinging",
        "shuffled",
        "swing feel",
        "shuffle",
        "swung rhythm",
    ),
}
NOTE_NAMES = {
    0: ("C",), 1: ("C#", "Db", "C sharp", "D flat"), 2: ("D",), 3: ("Eb", "D#", "E flat", "D sharp"),
    4: ("E",), 5: ("F",), 6: ("F#", "Gb", "F sharp", "G flat"), 7: ("G",),
    8: ("Ab", "G#", "A flat", "G sharp"), 9: ("A",), 10: ("Bb", "A#", "B flat", "A sharp"), 11: ("B",),
}  # fmt: skip
