"""Words for what moves: tempo, drums, density, swing, and how a track ends."""

from __future__ import annotations

TEMPO = {
    0: (
        "slow", "very slow", "really slow", "slow tempo", "low tempo", "downtempo", "slow-paced", "lazy",
        "super slow", "unhurried", "slowed", "slowed down", "slow motion", "crawling", "sluggish",
        "slower", "nice and slow", "dragging", "slow-moving", "pretty slow", "leisurely", "largo",
        "adagio", "snail-paced", "slo-mo", "half speed", "ultra slow", "low bpm",
    ),
    1: (
        "mid-tempo", "midtempo", "medium tempo", "moderate tempo", "steady", "middling", "laid-back",
        "unhurried but moving", "moderate", "easygoing", "medium-paced", "moderately paced",
        "medium speed", "strolling", "andante", "moderato", "of middling speed", "average tempo",
        "mid-paced",
    ),
    2: (
        "upbeat", "fast", "quick", "lively", "uptempo", "fast-paced", "groovy", "bouncy", "faster",
        "driving", "brisk", "up tempo", "fast tempo", "funky", "peppy", "speedy", "quite fast",
        "really fast", "very fast", "pretty fast", "zippy", "rapid", "quick-paced", "swift", "presto",
        "vivace", "snappy", "pacy", "racing", "high tempo", "high bpm", "turbo",
    ),
}  # fmt: skip
TEMPO_CLAUSES = {
    0: (
        "at a slow pace", "take it slow", "at a slow tempo", "no rush at all", "make it slow",
        "keep it slow", "it should be slow", "take your time with it", "slow it down",
        "really take it easy with the tempo", "play it slowly", "slowly",
    ),
    1: (
        "at a medium pace", "not too fast, not too slow", "walking pace", "at a moderate tempo",
        "neither slow nor fast", "not slow but not fast either", "somewhere in the middle, tempo-wise",
    ),
    2: (
        "at a fast pace", "make it fast", "at a fast tempo", "with a fast tempo", "keep it moving",
        "it should be fast", "speed it up", "pick up the pace", "play it quickly", "something with drive",
        "quickly",
    ),
}  # fmt: skip
DRUMS = {
    "boombap": (
        "boom bap drums", "boom bap", "boombap beat", "dusty drums", "hip hop beat", "punchy drums",
        "head-nodding beat", "kick and snare", "hard drums", "crunchy drums", "breakbeat", "hip hop drums",
        "90s drums", "boom bap beat", "knocking drums", "heavy drums", "a solid beat", "drum break",
        "mpc drums", "boombap", "big drums", "a boom bap beat", "boombap drums",
        "old school hip hop drums", "a chopped drum break", "a punchy beat", "dusty breaks",
        "a hip hop beat", "sampled drums", "a head-nod beat", "golden age hip hop drums", "gritty drums",
        "fat drums", "snappy drums", "tight drums", "hard-hitting drums", "a hard-hitting beat",
        "banging drums", "loud drums", "thumping drums", "sp-404 drums", "classic hip hop drums",
        "a dusty break", "dusty boom bap", "dirty drums", "j dilla style drums", "punchy kick and snare",
        "a thumping kick and snare",
    ),
    "brushes": (
        "soft drums", "brushes", "brushed drums", "brush drums", "brushed snare", "gentle percussion",
        "light rim shots", "light drums", "quiet drums", "gentle drums", "subtle percussion", "shaker",
        "rimshots", "light percussion", "soft percussion", "delicate percussion", "jazz brushes",
        "soft beat", "gentle beat", "rim clicks", "shakers", "drums played with brushes", "subtle drums",
        "brushed percussion", "rim shots", "soft brushes", "rimshot", "a soft beat", "hushed drums",
        "delicate drums", "tender drums", "mellow drums", "brushwork", "jazz drums", "a brushed kit",
        "brushes on the snare", "a jazz kit", "brush kit", "barely-there drums", "subdued drums",
        "low-key drums", "feathery drums", "softly brushed drums", "brushed snares", "soft shaker",
        "a soft rim click", "unobtrusive drums", "gentle drumming", "quiet percussion", "light brushwork",
        "sweeping brushes", "brushed jazz drums", "a gentle beat", "a jazz drummer with brushes",
        "brushes on a snare drum", "whisper-soft drums",
    ),
    "808": (
        "808 drums", "808s", "trap-ish drums", "drum machine", "soft 808 beat", "trap drums", "808 beat",
        "a drum machine", "808 kick", "808 kit", "trap beat", "electronic drums", "808 drum machine",
        "trap hats", "tr-808", "tr-808 drums", "an 808 beat", "808 percussion", "808 kick and clap",
        "drum machine beat", "a trap beat", "trap hi-hats", "claps and 808s", "roland 808",
        "machine drums", "synthetic drums", "electronic beat", "808 claps", "808 hats",
        "programmed 808 drums", "trap kit", "an 808 kit", "soft 808 drums", "trappy drums", "some 808s",
        "digital drums", "an electronic beat", "handclaps", "trap snare", "trap-style drums",
        "808 drum kit", "a tr-808", "drum computer", "rattling hi-hats", "trap-flavored drums",
        "a trap kit", "electronic kit", "an old drum machine", "beatbox machine", "808 snare",
        "trap percussion",
    ),
    "none": (),
}  # fmt: skip
# Said for any kit that is there; says no more than that.
SOME_DRUMS = (
    "drums", "beat", "drum beat", "a beat", "drum loop", "a drum beat", "percussion", "some drums",
    "a drum loop", "a groove", "drum groove", "the drums", "a simple beat", "drum kit",
)  # fmt: skip
DRUMLESS = (
    "drumless", "beatless", "drum-free", "percussion-free", "drums off", "drumfree", "beat-free",
    "percussionless", "no-drums", "non-percussive", "drum free",
)  # fmt: skip
DENSITY = {
    "sparse": (
        "sparse", "minimal", "minimalist", "simple", "stripped back", "spacious", "uncluttered",
        "stripped down", "minimalistic", "bare-bones", "empty", "very sparse", "quite minimal", "skeletal",
        "barebones", "uncomplicated", "very minimal", "thinned out", "open and empty", "pared-down",
        "unfussy", "airy and sparse", "understated", "economical", "reduced",
    ),
    "medium": (
        "moderately busy", "well-balanced", "balanced", "medium density", "neither sparse nor busy",
        "moderately dense", "not too sparse and not too busy", "evenly filled",
    ),
    "busy": (
        "busy", "rich", "full", "dense", "layered", "complex", "intricate", "active", "elaborate",
        "detailed", "packed", "very busy", "eventful", "ornate", "lush and full", "crowded", "maximalist",
        "jam-packed", "overflowing", "heavily layered", "full-on", "ornamented",
    ),
}  # fmt: skip
DENSITY_NOUNS = {
    "sparse": (
        "few notes", "very few notes", "lots of space", "not many notes", "only a few notes",
        "plenty of space", "long pauses between notes", "room to breathe", "barely any notes",
        "hardly any notes", "a lot of silence", "as few notes as possible", "few instruments playing",
        "a sparse arrangement", "a minimal arrangement",
    ),
    "medium": (
        "a balanced arrangement", "a moderate number of notes", "a medium amount of notes",
        "a well-balanced arrangement",
    ),
    "busy": (
        "lots of notes", "many notes", "a lot going on", "a busy arrangement", "a rich arrangement",
        "plenty of notes", "tons of notes", "many layers", "a full arrangement", "lots happening",
        "as many notes as possible", "so many notes", "notes everywhere", "a dense arrangement",
        "many things going on",
    ),
}  # fmt: skip
SWING = {
    "straight": (
        "straight rhythm", "straight timing", "straight groove", "a straight rhythm", "straight eighths",
        "straight sixteenths", "a straight feel", "straight feel", "on-the-grid timing", "rigid timing",
        "straight beat", "a straight beat", "exact timing", "quantized timing",
        "perfectly straight timing", "straight time", "robotic timing", "metronomic timing",
        "dead straight timing", "machine-like timing", "an even rhythm", "even sixteenths",
    ),
    "light": (
        "light swing", "a little swing", "slight swing", "a touch of swing", "subtle swing",
        "a hint of swing", "gentle swing", "a light swing", "a bit of swing", "slight shuffle",
        "a light shuffle", "a gentle shuffle", "mild swing", "a slight swing", "just a little swing",
        "a subtle shuffle", "some swing", "a little bit of swing", "a light swing feel", "moderate swing",
        "a small amount of swing", "a hair of swing", "a dash of swing", "soft swing", "delicate swing",
        "light shuffle", "a pinch of swing", "not much swing", "a tiny bit of swing",
        "slightly swung drums",
    ),
    "heavy": (
        "heavy swing", "lots of swing", "swing feel", "shuffle", "swung rhythm", "a shuffle", "hard swing",
        "strong swing", "a lot of swing", "swing", "a swing feel", "drunken groove", "dilla swing",
        "dilla feel", "a drunk groove", "a shuffle feel", "deep swing", "a heavy shuffle", "swung hats",
        "swung drums", "swung timing", "a swung groove", "a drunken feel", "triplet swing",
        "loads of swing", "dilla-style swing", "a lurching groove", "tons of swing", "a swinging groove",
        "big swing", "wonky groove", "off-kilter groove", "extreme swing", "a hard shuffle",
        "triplet feel", "drunken drums", "very heavy swing", "loose drunken timing", "swung hi-hats",
        "maximum swing", "a wonky beat", "strongly swung drums",
    ),
}  # fmt: skip
SWING_ADJECTIVES = {
    "straight": ("unswung", "quantized", "swingless", "metronomic", "dead straight", "rigid",
        "on the grid", "straight-ahead", "non-swung"),
    "light": ("slightly swung", "lightly swung", "gently swung", "a bit swung", "a little swung",
              "subtly swung", "mildly swung", "slightly shuffled", "faintly swung", "softly swung",
              "moderately swung"),
    "heavy": ("swung", "swinging", "shuffled", "heavily swung", "swingy", "very swung", "hard-swung",
              "strongly swung", "shuffly", "wonky", "off-kilter", "dilla-esque", "super swung",
              "really swung", "drunken"),
}  # fmt: skip
SWING_CLAUSES = {
    "straight": (
        "no swing", "without swing", "don't swing it", "no shuffle", "keep the timing straight",
        "everything on the grid", "play it straight", "zero swing", "without any swing", "no swing please",
        "it should not swing",
    ),
    "light": ("swing it a little", "let it swing just a bit", "swing, but only a little",
        "not too much swing"),
    "heavy": ("swing it hard", "let it swing", "make it swing", "it should really swing",
        "swing the drums"),
}  # fmt: skip
ENDING = {
    True: (
        "an ending", "a proper ending", "a final chord", "an outro", "a clear ending", "a real ending",
        "a final chord at the end", "a proper finish", "a clean ending", "a closing chord",
        "an outro chord", "a resolution at the end", "a nice ending", "a last chord that rings out",
        "a definite ending", "a natural ending", "a real finish", "a cadence at the end",
        "a resolving last chord", "a finale", "a full stop at the end", "a proper outro",
        "a soft landing at the end", "a satisfying ending", "a conclusion",
    ),
}  # fmt: skip
ENDING_CLAUSES = {
    True: (
        "ends on a final chord", "let it resolve at the end", "with an ending", "outro", "end it properly",
        "it should end on a chord", "let the last chord ring out", "finish on the tonic", "with an outro",
        "it should have an ending", "resolve at the end", "and then it ends", "don't just cut it off",
        "with a proper ending", "let it come to an end", "end with a long chord",
        "it should stop on a chord", "give it an end", "it needs an ending", "finish it properly",
        "wrap it up at the end", "last chord at the end", "conclude it nicely", "end on the tonic",
        "resolves at the end", "come to a proper stop", "no sudden stop", "bring it to a close",
        "close with a final chord", "it should come to rest at the end", "finish with a last chord",
    ),
    False: (
        "endless", "seamless loop", "loopable", "endless loop", "never ending", "it should loop",
        "so that i can loop it", "as a seamless loop", "no end", "it should go on forever", "looping",
        "infinite loop", "should loop seamlessly", "to loop forever", "make it loopable",
        "loops seamlessly", "it never has to end", "never resolve at the end", "perfect loop",
        "fade out at the end", "let it fade out", "just fade out", "fades out", "no beginning and no end",
        "on repeat", "goes on and on", "so it can be looped", "gapless loop", "seamlessly looping",
        "infinite", "neverending", "make it loop", "for looping",
    ),
}  # fmt: skip
