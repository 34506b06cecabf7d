"""Denials: that something is not there, said near its word, far from it, and for several at once."""

from __future__ import annotations

from training.attributes import Attributes
from training.captions.dice import Dice
from training.captions.sound_words import BASS_NONE
from training.captions.time_words import DRUMLESS

# The names of what is absent.
NAMES = {
    "drums": (
        "drums", "drums", "drums", "drum", "beat", "beats", "percussion", "drum beat", "drumming",
        "kick or snare", "drum kit", "drum loop", "drum sounds",
    ),
    "bass": ("bass", "bass", "bassline", "bass line", "bass guitar", "low end", "bass notes",
        "bass part"),
    "lead": (
        "melody", "lead", "solo", "lead melody", "lead instrument", "solos", "melody on top", "lead line",
        "soloing", "topline",
    ),
    "vinyl": ("vinyl", "crackle", "vinyl crackle", "vinyl noise", "record noise", "record crackle",
        "crackling"),
    "rain": ("rain", "rain", "rain sounds", "raindrops", "rain noise", "storm sounds"),
    "cafe": (
        "chatter", "cafe noise", "people talking", "coffee shop noise", "voices in the background",
        "crowd noise", "cafe sounds",
    ),
    "night": ("crickets", "night sounds", "crickets", "insects", "cicadas", "night noises"),
    "tape": ("tape hiss", "tape wobble", "hiss", "wobble", "tape", "wow and flutter", "tape noise",
        "tape effect"),
    "pad": ("pads", "pad", "strings", "background pads", "synth pads", "pad layer"),
    "ending": ("ending", "outro", "final chord", "clear ending", "closing chord"),
    "ambience": (
        "ambience", "background sounds", "sound effects", "ambient sounds", "field recordings",
        "nature sounds", "sounds in the background", "ambient noise",
    ),
    "noise": ("noise", "background noise", "noises", "noise at all", "noise or crackle",
        "hiss or crackle"),
    "piano": ("piano", "pianos"),
    "guitar": ("guitar", "guitars"),
    "synth": ("synth", "synths", "synthesizers"),
    "flute": ("flute", "flutes"),
    "bell": ("bells", "music box"),
    "vibes": ("vibraphone", "marimba"),
    "trumpet": ("trumpet", "trumpets", "brass", "horns"),
    "sax": ("sax", "saxophone"),
}  # fmt: skip
# What a denial states; instruments state nothing, though their absence is meant.
STATED = {
    "ambience": ("rain", "cafe", "night"),
    "noise": ("vinyl", "rain", "cafe", "night", "tape"),
    **{
        name: (name,)
        for name in ("drums", "bass", "lead", "vinyl", "rain", "cafe", "night", "tape", "pad", "ending")
    },
}
NEAR = (
    "no {}", "without {}", "without any {}", "no {} please", "minus the {}", "leave out the {}",
    "skip the {}", "zero {}", "not a single {}", "no {} at all", "free of {}", "don't want {}", "w/o {}",
    "absolutely no {}", "but no {}", "and no {}", "with no {}", "there should be no {}", "do not use {}",
    "hold the {}", "not any {}", "sans {}", "avoid {}", "lose the {}", "no more {}", "please no {}",
    "w/out {}", "ditch the {}", "dont use {}", "exclude {}", "omit the {}", "0 {}", "no need for {}",
    "not with {}", "has no {}", "lacking {}", "devoid of {}", "with zero {}", "none of the {}",
    "without using {}", "no {} whatsoever",
)  # fmt: skip
FAR = (
    "i don't want any {}", "i don't want {}", "please don't put any {} in it", "leave the {} out",
    "it should not have any {}", "make sure that there is no {}", "i could do without the {}",
    "{}? no thanks", "keep the {} out of it", "i really don't like {} in my music",
    "i'd rather not hear any {}", "turn off the {}", "mute the {}", "remove the {}",
    "the {} should be left out", "{} is not needed", "it must not contain {}",
    "there shouldn't be any {} in there", "can you leave the {} out", "get rid of the {}",
    "i do not want to hear {}", "dont want any {}", "i don't need any {}", "no {} for me",
    "not a fan of {}", "it doesn't need any {}", "never use {}", "i hate {}", "take the {} away",
    "please leave out the {}", "it has to work without any {}", "do it without the {}",
    "i'm tired of {} so leave that out", "we don't need {} here", "cut the {} out", "i want it without {}",
    "i want no {}", "can it be without {}", "nothing with {}", "you can skip the {}",
    "just don't add any {}", "{}: none", "{}: no", "please leave the {} away", "i don't like {}",
    "can we skip the {}", "all of it without {}", "i never want to hear {}", "the {} can go",
    "there must not be any {}", "do not include any {}", "{} off",
)  # fmt: skip
PAIRS = (
    "no {} or {}", "no {} and no {}", "without {} or {}", "neither {} nor {}", "no {}, no {}",
    "without any {} or {}", "i don't want {} or {}", "leave out the {} and the {}", "no {}/{}",
    "without {} and without {}", "please no {} or {}", "i don't want any {} or {}", "no {} nor {}",
    "there should be no {} or {}", "don't use {} or {}", "skip the {} and the {}",
    "both {} and {} should be left out", "it needs neither {} nor {}", "free of {} or {}",
    "minus {} and {}",
)  # fmt: skip
LISTS = (
    "no {}, {} or {}", "without {}, {} or {}", "no {}, no {} and no {}", "i don't want {}, {} or {}",
    "without any {}, {} or {}", "no {}, no {}, no {}", "leave out {}, {} and {}",
    "there should be no {}, {} or {}",
)  # fmt: skip
SINGLE_WORDS = {"drums": DRUMLESS, "bass": BASS_NONE}


def deny(what: str, dice: Dice) -> str:
    """ "no drums" and its many ways; `what` is a key of NAMES."""
    if what in SINGLE_WORDS and dice.chance(0.15):
        return dice.pick(SINGLE_WORDS[what])
    name = dice.pick(NAMES[what])
    form = dice.roll()
    # The two plain forms are what most people type.
    if form < 0.3:
        return NEAR[dice.below(2)].format(name)
    return dice.pick(NEAR if form < 0.65 else FAR).format(name)


def deny_all(absent: list[str], dice: Dice) -> str:
    """One denial of two or three things, keys of NAMES: "no drums or bass"."""
    forms = PAIRS if len(absent) == 2 else LISTS
    return dice.pick(forms).format(*(dice.pick(NAMES[what]) for what in absent))


def absent_instruments(a: Attributes) -> list[str]:
    """Instruments that may truthfully be denied."""
    playing = {a.keys, a.lead}
    if "pad" in playing or a.pad:
        playing.add("synth")
    return [
        name
        for name in ("piano", "guitar", "synth", "flute", "bell", "vibes", "trumpet", "sax")
        if name not in playing
    ]


def absences(a: Attributes) -> list[str]:
    """What may truthfully be denied of a track, as keys of NAMES."""
    found = [name for name in ("vinyl", "rain", "cafe", "night", "tape", "ending") if not getattr(a, name)]
    found += [name for name in ("drums", "bass", "lead") if getattr(a, name) == "none"]
    if not a.pad and a.keys != "pad":
        found.append("pad")
    return found
