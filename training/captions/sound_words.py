"""Words for what plays and how it sounds: keys, lead, bass, pad, tone, tape.

A word stands for one value of one attribute, or it would teach both wrong. Nouns follow "with", adjectives
stand before the genre, clauses stand alone.
"""

from __future__ import annotations

KEYS = {
    "rhodes": (
        "rhodes", "electric piano", "e-piano", "fender rhodes", "wurlitzer", "wurli", "rhodes chords",
        "rhodes piano", "electric keys", "electric piano chords", "epiano", "rhodes keys", "keys",
        "tine piano", "a rhodes", "an electric piano", "electric pianos", "wurlitzer chords",
        "rhodes electric piano", "a wurlitzer", "a fender rhodes", "vintage electric piano",
        "bell-like electric piano", "rhodes stabs", "suitcase rhodes", "mk1 rhodes", "soft rhodes",
        "some rhodes",
    ),
    "piano": (
        "piano", "felt piano", "soft piano", "dusty piano", "grand piano", "piano chords", "piano loop",
        "old piano", "acoustic piano", "upright piano", "gentle piano", "pianos", "a piano", "piano keys",
        "a soft piano", "a felt piano", "an old upright piano", "piano playing", "simple piano chords",
        "intimate piano", "a grand piano", "piano music", "some piano", "the piano", "ivories",
        "ivory keys", "a dusty old piano", "piano ballad chords", "baby grand", "a quiet piano",
        "parlor piano", "tender piano",
    ),
    "guitar": (
        "guitar", "nylon guitar", "acoustic guitar", "plucked guitar", "fingerpicked guitar",
        "classical guitar", "guitar chords", "guitar loop", "strummed guitar", "guitars", "a guitar",
        "spanish guitar", "fingerstyle guitar", "guitar strumming", "picked guitar", "electric guitar",
        "nylon string guitar", "an acoustic guitar", "gentle guitar", "guitar picking", "soft guitar",
        "a nylon guitar", "some guitar", "the guitar", "plucked nylon strings", "guitar arpeggios",
        "campfire guitar", "six-string", "a six string guitar", "finger-picked guitar", "guitar plucks",
        "jazz guitar", "a classical guitar", "strummed acoustic guitar",
    ),
    "pad": (
        "synth pad", "warm pads", "ambient pad", "synth", "synths", "synthesizer", "dreamy pads",
        "lush pads", "ambient synths", "string pad", "pads", "synth chords", "ethereal pads", "airy pads",
        "synth pads", "strings", "analog synth", "ambient pads", "floating synths", "a synth",
        "a synthesizer", "lush strings", "swelling pads", "washy synths", "soft pads", "string chords",
        "synthesizers", "a lush synth pad", "drifting pads", "a wash of synths", "synth strings",
        "string ensemble", "slow-moving pads", "a synth wash", "dreamy synth pads", "keyboard pads",
        "dreamy synths",
    ),
}  # fmt: skip
LEAD = {
    "none": (
        "just chords", "chords only", "only chords", "nothing but chords", "instrumental chords only",
        "chords without anything on top",
    ),
    "flute": (
        "flute", "breathy flute", "woodwind", "woodwinds", "flute melody", "a flute", "pan flute",
        "flutes", "wooden flute", "flute lead", "flute solo", "flute on top", "a flute playing the melody",
        "flute line", "a breathy flute", "some flute", "soft flute", "flute licks", "bamboo flute",
        "a lonely flute", "a flute on top", "lead flute", "flute playing", "flutist", "recorder",
        "airy flute", "flute phrases", "a wooden flute", "shakuhachi",
    ),
    "bell": (
        "bells", "music box", "glockenspiel", "bell", "chimes", "celesta", "tinkling bells", "bell melody",
        "music box melody", "glockenspiel melody", "bell lead", "bells on top", "twinkling bells",
        "a music box", "glassy bells", "little bells", "toy bells", "a glockenspiel", "kalimba",
        "bell sounds", "a music box melody", "tiny bells", "wind-up music box", "some bells",
        "tubular bells", "a celesta", "chiming bells", "bell tones", "a kalimba",
    ),
    "vibes": (
        "vibraphone", "vibes solo", "vibraphone melody", "marimba", "mallets", "xylophone",
        "vibraphone lead", "vibraphone solo", "a vibraphone", "jazz vibes", "vibes melody",
        "mallet melody", "marimba melody", "vibraphones", "a marimba", "some vibraphone",
        "vibraphone notes", "vibraphone lick", "a xylophone", "vibraphone playing", "soft mallets",
        "vibraphone on top", "vibraphone licks", "a vibraphone playing the melody", "vibraphone line",
        "vibes on top",
    ),
    "guitar": (
        "guitar melody", "lead guitar", "guitar lead", "guitar solo", "guitar on top", "guitar licks",
        "guitar riff", "a guitar playing the melody", "guitar line", "a guitar melody", "guitar riffs",
        "melodic guitar", "guitar lick", "guitar noodling", "a lead guitar", "a guitar solo",
        "a guitar on top", "wandering guitar lead", "guitar phrases on top", "twangy lead guitar",
        "guitar improvisation", "little guitar licks",
    ),
    "piano": (
        "piano melody", "lead piano", "piano lead", "piano solo", "piano on top", "piano riff",
        "a piano melody", "a piano playing the melody", "piano line", "melodic piano", "piano licks",
        "piano motif", "a lead piano", "a piano solo", "a piano on top", "piano improvisation",
        "tinkling piano on top", "piano phrases on top", "wandering piano melody", "piano runs",
        "a lead piano line", "piano noodling",
    ),
    "trumpet": (
        "trumpet", "muted trumpet", "a trumpet", "a muted trumpet", "trumpet melody", "trumpet solo",
        "jazz trumpet", "trumpet on top", "soft trumpet", "trumpets", "harmon mute trumpet", "flugelhorn",
        "trumpet lead", "trumpet line", "a lonely trumpet", "some trumpet", "horn", "trumpet licks",
        "brass", "a trumpet playing the melody", "lead trumpet", "cornet", "smoky trumpet",
        "a jazz trumpet solo", "mute trumpet", "muted horn", "chet baker style trumpet",
        "a soft trumpet melody", "trumpet playing", "distant trumpet", "a horn", "horns",
        "miles davis style trumpet",
    ),
    "sax": (
        "sax", "saxophone", "a sax", "a saxophone", "tenor sax", "alto sax", "sax solo", "saxophone solo",
        "sax melody", "saxophone melody", "smooth sax", "soft sax", "sax on top", "sax lead",
        "breathy sax", "a tenor sax", "sax line", "sax licks", "velvety sax", "jazz sax", "some sax",
        "a sax solo", "a saxophone playing the melody", "lead sax", "saxophones", "sultry sax",
        "tenor saxophone", "a smooth saxophone", "saxophonist", "soprano sax", "baritone sax",
        "saxophone licks", "saxophone lead", "an alto sax", "late-night sax",
    ),
}  # fmt: skip
PAD = {
    True: (
        "a pad underneath", "pads in the background", "background pad", "soft pad layer", "strings behind",
        "pad in the background", "synth layer behind", "a pad behind it", "pads underneath",
        "layered pads", "background pads", "a synth pad in the background", "strings in the background",
        "background synth", "a pad layer", "soft pads underneath", "background strings", "a layer of pads",
        "synths in the background", "pads behind everything", "a soft pad behind the chords",
    ),
}  # fmt: skip
BASS = {
    "sub": (
        "sub bass", "deep bass", "808 bass", "low sub bass", "heavy bass", "fat bass", "synth bass",
        "rumbling bass", "deep sub", "sub", "subby bass", "big bass", "sine bass", "thick bass",
        "808 sub bass", "deep 808 bass", "a deep bass", "a sub bass", "booming bass", "a fat synth bass",
        "deep low end", "boomy bass", "low-end rumble", "earth-shaking bass", "electronic bass",
        "moog bass", "huge bass", "808 bassline", "a deep sub bass", "heavy low end",
    ),
    "upright": (
        "upright bass", "jazz bass", "double bass", "acoustic bass", "plucked bass", "contrabass",
        "stand-up bass", "standup bass", "wooden bass", "walking bass", "bass fiddle", "woody bass",
        "an upright bass", "a double bass", "string bass", "a walking bass", "walking bassline",
        "upright bassline", "plucked double bass", "a stand-up bass", "an acoustic bass",
        "upright bass plucks", "a jazz bassist", "a plucked upright", "walking double bass",
        "fingered upright bass",
    ),
    "none": (),
}  # fmt: skip
# Said for any bass that is there; says no more than that.
SOME_BASS = ("bass", "a bass", "a bassline", "bassline", "some bass", "bass line")
BASS_NONE = ("bassless", "bass-free", "bass off", "bass free")
TONE = {
    "dark": (
        "dark", "muffled", "underwater", "low-pass filtered", "lowpassed", "murky", "dull", "filtered",
        "dim", "shadowy", "low-passed", "submerged", "dark-sounding", "boxy", "smothered",
        "bassy and dull", "lo-pass", "veiled", "treble-less", "kind of muffled", "a bit dark", "darker",
    ),
    "warm": (
        "warm", "mellow", "rounded", "soft and warm", "fuzzy", "warm and fuzzy", "warm-sounding",
        "warmer", "nice and warm", "so warm", "toasty", "velvety", "buttery", "honeyed", "silky",
        "round and soft", "analog-warm", "a bit warm",
    ),
    "bright": (
        "bright", "clean", "crisp", "clear", "shiny", "sparkling", "shimmering", "crystal clear", "glossy",
        "polished", "brighter", "gleaming", "crystalline", "pristine", "glassy", "brilliant",
        "treble-rich", "crisp and clear", "clean-sounding", "bright-sounding", "hi-fi", "sparkly",
    ),
}  # fmt: skip
TONE_NOUNS = {
    "dark": (
        "a dark sound", "a dark tone", "a dark mix", "a low pass filter", "a muffled sound", "dark tone",
        "the highs rolled off", "little treble",
    ),
    "warm": (
        "a warm sound", "a warm tone", "analog warmth", "warmth", "warm tone", "a warm mix",
        "a mellow sound", "a mellow tone", "lots of warmth",
    ),
    "bright": (
        "a bright mix", "an open sound", "a bright sound", "a bright tone", "a clean sound", "hi-fi sound",
        "high fidelity", "a crisp sound", "lots of treble", "bright tone", "open highs",
    ),
}  # fmt: skip
TONE_CLAUSES = {
    "dark": ("heard through a wall", "as if from the room next door", "like it plays under water"),
    "warm": ("make it warm", "keep the sound warm"),
    "bright": ("make it sound clear", "keep it crisp"),
}
# Before the name of an instrument: "warm rhodes".
TONE_PREFIXES = {
    "dark": ("dark", "muffled", "murky"),
    "warm": ("warm", "mellow"),
    "bright": ("bright", "clean", "crisp"),
}
TAPE = {
    True: (
        "tape wobble", "wow and flutter", "cassette", "worn tape", "tape hiss", "lo-fi tape hiss",
        "cassette tape", "tape flutter", "tape", "old tape", "tape warble", "a worn cassette",
        "wobbly tape", "tape noise", "tape saturation", "vhs", "an old cassette", "tape effect",
        "tape wow", "hiss", "vhs wobble", "wobbly pitch", "a walkman", "a cassette deck",
        "reel-to-reel tape", "a bit of tape", "pitch wobble", "tape sound", "cassette hiss", "wobble",
        "an old tape", "flutter", "tape texture", "cassette wobble", "tape crinkle", "worn-out tape",
        "vhs tape", "cassette tape sound", "lo-fi tape", "boombox tape", "tape artifacts",
        "cassette noise", "an old cassette player", "tape degradation", "warble", "a tape deck",
        "some tape hiss", "analog tape", "mixtape cassette hiss", "a chewed-up tape",
    ),
}  # fmt: skip
TAPE_ADJECTIVES = {True: ("wobbly", "warbly", "tape-saturated", "warped", "taped", "fluttering", "hissy")}
TAPE_CLAUSES = {
    True: (
        "recorded to tape", "recorded on cassette", "like an old cassette", "off an old tape",
        "played back on a worn tape", "as if from a walkman", "recorded on an old tape machine",
    ),
}  # fmt: skip
