"""Prompts that the radio goes through, in words that the starter model was taught."""

from __future__ import annotations

PRESETS = (
    "rainy night lofi, felt piano, no drums",
    "dusty boom bap at 84 bpm with a muted trumpet and vinyl crackle",
    "mellow electric piano, brushes and a light swing, warm tape",
    "jazzy guitar, upright bass and brushes in a busy café",
    "study beats, soft rhodes, vibraphone melody, vinyl crackle",
    "sunny chillhop with a flute, nylon guitar and boom bap drums",
    "sleepy music box, warm pads, worn cassette tape, no drums",
    "jazz trio: piano, double bass and brushes, 75 bpm",
    "slow and sad rhodes in F# minor, lots of space, rain sounds",
    "bossa nova guitar, soft drums, summer night with crickets",
    "90s hip hop, jazzy rhodes, deep bass, dusty vinyl, 88 bpm",
    "dark synth pads, 808 drums and sub bass, 72 bpm",
    "neo soul electric piano, saxophone, light swing, 78 bpm",
    "warm felt piano and brushed drums, rain and vinyl crackle",
    "happy nylon guitar, bells, mid-tempo boom bap",
    "smoky noir jazz, muted trumpet, upright bass, tape hiss",
)
