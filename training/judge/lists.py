"""Prompts that ask for opposites, strange ones, bare ones, and those of long tracks."""

from __future__ import annotations

# (less, more) of what the measure of that name counts; all name drums, without which no tempo is heard.
PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "tempo": (
        ("slow lofi piano with drums", "fast lofi piano with drums"),
        ("sleepy rhodes beat", "energetic rhodes beat"),
        ("very slow guitar and boom bap", "upbeat guitar and boom bap"),
        ("downtempo chillhop with a flute and drums", "fast-paced chillhop with a flute and drums"),
        ("62 bpm beat with vibraphone", "92 bpm beat with vibraphone"),
        ("slow 808 drums and pads", "fast 808 drums and pads"),
        ("a slow tempo, trumpet, brushes", "a fast tempo, trumpet, brushes"),
        ("lazy slow drums, upright bass", "uptempo drums, upright bass"),
        ("lofi drums and guitar at 65 bpm", "lofi drums and guitar at 88 bpm"),
    ),
    "density": (
        ("sparse piano with brushes", "busy piano with brushes"),
        ("minimal rhodes, boom bap drums", "dense rhodes, boom bap drums"),
        ("simple guitar lofi with drums", "complex guitar lofi with drums"),
        ("few notes, vibraphone, piano, drums", "lots of notes, vibraphone, piano, drums"),
        ("sparse 808 beat with bells", "busy 808 beat with bells"),
        ("minimalist flute and drums", "intricate flute and drums"),
        ("stripped back jazz, upright bass, brushes", "layered jazz, upright bass, brushes"),
        ("spacious synth pads and a beat", "busy synth pads and a beat"),
        ("simple sax melody, dusty drums", "busy sax melody, dusty drums"),
    ),
    "tone": (
        ("dark piano beat, boom bap", "bright piano beat, boom bap"),
        ("muffled rhodes and drums", "crisp rhodes and drums"),
        ("underwater guitar, drums", "clear guitar, drums"),
        ("low-passed lofi with bells and drums", "sparkling lofi with bells and drums"),
        ("dark sound, flute, brushes", "bright sound, flute, brushes"),
        ("murky trumpet and boom bap", "bright trumpet and boom bap"),
        ("dark mix, vibraphone, 808 drums", "clean mix, vibraphone, 808 drums"),
        ("filtered guitar beat", "crisp guitar beat"),
        ("muffled sax and drums", "shimmering sax and drums"),
    ),
}

STRANGE: tuple[tuple[str, str], ...] = (  # prompt, and what its known words ask for
    ("qwertz asdfgh yxcvb", ""),
    ("🌧️🎧☕️🐈", ""),
    ("рояль и дождь, медленно, piano 70 bpm", "any=piano bpm=70"),
    ("静かな雨の夜のピアノ", ""),
    ("lofi " * 200, ""),
    ("a", ""),
    ("!!!???...", ""),
    ("une guitare triste, pas de batterie, no drums, guitar", "any=guitar drums=none"),
    ("ruhiges Klavier im Regen, 70 bpm", "bpm=70"),
    ("pinao and rian, no durms", ""),
    ("write a 4-minute death metal opera with 300 bpm blast beats and a vibraphone", "lead=vibes"),
    ("The quick brown fox " * 45 + "plays a slow piano", "any=piano speed=slow"),
    ("<script>alert(1)</script> \x00 \t\r\n flute", "lead=flute"),
    ("1234567890 " * 20, ""),
    ("FLUTE!!! RAIN!!! NO DRUMS!!!", "lead=flute rain=yes drums=none"),
    ("🎷🎷 sax 🎷🎷 sad 😢", "lead=sax mode=minor"),
    ("x" * 300 + " rhodes and vinyl crackle", "keys=rhodes vinyl=yes"),
    ("guitar guitar guitar guitar rain rain rain rain", "any=guitar rain=yes"),
    ("SELECT * FROM tracks WHERE drums = 'none' -- no drums, piano; DROP TABLE beats", "any=piano"),
    ("música triste con piano y lluvia, rainy piano", "any=piano rain=yes"),
    ("hej kan du lave noget med trumpet og 66 bpm tak", "lead=trumpet bpm=66"),
    ("piano, " * 140, "any=piano"),
    ("\\u0000 %s {prompt} $HOME ../../etc/passwd upright bass", "bass=upright"),
    ("zxqj vibraphone wkpt upright bass fnord 84 bpm", "lead=vibes bass=upright bpm=84"),
    ("Dear sir or madam, I am writing to enquire about a fast happy guitar track with a jazzy flute, "
     "yours faithfully", "lead=flute"),
)  # fmt: skip

OPEN_PROMPTS = ("lofi", "lo-fi music", "lofi music to listen to", "a lofi track")  # state nothing

LONG_PROMPTS = (
    "slow sad piano, rain, brushes", "upbeat jazzy guitar with boom bap drums",
    "rhodes and vibraphone, 80 bpm, vinyl", "dark synth pads, no drums",
    "happy music box and brushes, 90 bpm", "busy rhodes with flute, fast", "lofi",
    "minimal guitar, sub bass, 64 bpm", "lo-fi in D minor, piano melody, dusty drums",
    "warm jazz chords, upright bass, brushes", "808 drums, bells, 75 bpm",
    "muted trumpet over rhodes, late night jazz", "saxophone and upright bass, slow",
    "coffee shop jazz, 72 bpm", "crickets at night, guitar, no drums", "boom bap with heavy swing, piano",
    "straight drums, synth pads, bright", "cassette tape rhodes, 68 bpm",
    "happy flute and guitar in G major", "sparse felt piano, no bass, no drums",
    "busy jazzy vibraphone, 88 bpm, boom bap", "rainy night, sad rhodes and a saxophone",
    "bright guitar and bells, 92 bpm", "dusty drums and deep sub bass",
    "melancholic trumpet, vinyl crackle, 62 bpm", "lofi hip hop with 808 drums in F# minor",
)  # fmt: skip
ENDING_PROMPTS = (
    "slow piano with brushes and a proper ending", "jazzy rhodes, upright bass, with an ending",
    "sad guitar, no drums, with an ending", "boom bap beat that ends with a final chord",
    "happy flute and guitar, with an ending, 84 bpm", "808 beat with bells, ends on a last chord",
    "synth pads and rain, with a clear ending", "trumpet ballad with a final chord",
    "rhodes and vinyl, 70 bpm, with an outro chord", "saxophone over dusty drums, with an ending",
)  # fmt: skip
LOOPING_PROMPTS = (
    "boom bap piano, no ending", "rhodes and brushes without an ending",
    "endless 808 beat with bells, loopable", "jazz guitar, drums, no ending, 80 bpm",
)  # fmt: skip
