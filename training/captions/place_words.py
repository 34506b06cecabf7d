"""Words for the mood and for what is heard around the music: mode, vinyl, rain, café, night."""

from __future__ import annotations

MODE = {
    "major": (
        "happy", "uplifting", "sweet", "hopeful", "cheerful", "joyful", "playful", "optimistic",
        "feel-good", "carefree", "positive", "smiling", "light-hearted", "blissful", "heartwarming",
        "feelgood", "joyous", "merry", "wholesome", "delighted", "jolly", "lighthearted", "gleeful",
        "good-humored", "cheery", "glad", "rosy", "celebratory", "festive", "happier", "happy-go-lucky",
    ),
    "minor": (
        "sad", "melancholic", "melancholy", "moody", "nostalgic", "lonely", "emotional", "heartbroken",
        "bittersweet", "wistful", "somber", "sorrowful", "tearful", "longing", "depressing",
        "introspective", "pensive", "yearning", "glum", "dreary", "downcast", "heavy-hearted", "tragic",
        "sad and lonely", "grieving", "broken-hearted", "full of regret", "unhappy", "forlorn", "blue",
        "heartbreaking", "regretful", "sadder", "despairing",
    ),
    "jazzy": (
        "jazzy", "jazz", "smooth jazz", "jazz-influenced", "jazz-tinged", "sophisticated", "jazz-inspired",
        "loungey", "jazzier", "jazz-flavored", "cool jazz", "jazz-leaning", "swanky", "bebop-ish",
        "jazz-like", "speakeasy-style",
    ),
}  # fmt: skip
MODE_NOUNS = {
    "major": ("a happy mood", "a cheerful mood", "good cheer", "major chords", "a happy feel",
              "happy chords", "a smile", "joy", "a major scale", "good mood", "happiness"),
    "minor": (
        "a sad mood", "a blue mood", "heartache", "a melancholy feel", "minor chords", "a sad feel",
        "a feeling of loss", "tears", "homesickness", "a lonely feeling", "sad chords", "sadness",
        "a broken heart", "a minor scale", "melancholic chords", "sorrow", "nostalgia", "loneliness",
    ),
    "jazzy": (
        "jazz chords", "jazzy chords", "a jazzy feel", "jazz harmony", "seventh chords", "ninth chords",
        "complex jazz chords", "extended chords", "jazz voicings", "a jazz feel", "jazz progressions",
        "minor ninths and thirteenths", "jazz chord changes", "rich jazz harmony", "a jazz progression",
        "ii-v-i changes",
    ),
}  # fmt: skip
MODE_CLAUSES = {
    "major": ("major key", "in a major key", "happy mood", "in major", "something to smile about"),
    "minor": ("minor key", "in a minor key", "sad mood", "in minor", "crying", "something to cry to",
              "i feel sad", "i miss someone"),
    "jazzy": (
        "late night jazz", "cafe jazz", "jazz club", "lounge jazz", "coffee shop jazz", "lounge",
        "jazz lounge", "bebop", "jazz bar", "like in a jazz club", "think of a small jazz bar",
    ),
}  # fmt: skip
VINYL = {
    True: (
        "vinyl crackle", "dusty vinyl", "crackling record", "crackling vinyl", "vinyl", "record crackle",
        "vinyl noise", "record noise", "vinyl hiss", "scratchy record", "crackle", "record player",
        "turntable crackle", "lp crackle", "needle noise", "surface noise", "worn record", "dusty record",
        "vinyl texture", "a crackling record", "old vinyl", "vinyl sound", "crackles", "crackling",
        "gramophone", "a record player", "record static", "an old record", "phonograph", "vinyl pops",
        "pops and crackles", "crackly vinyl", "turntable", "a dusty old record", "old record",
        "the crackle of a record", "some vinyl crackle", "a scratched lp", "needle crackle",
        "vinyl crackling", "a dusty lp", "record pops", "a needle on a record", "clicks and pops",
        "a crackly old record", "vinyl dust", "needle drop", "vinyl static", "a scratchy old record",
        "an old lp", "shellac noise", "record dust", "vinyl crackles", "a spinning record",
        "vinyl surface noise", "dusty grooves", "a vintage record", "vinyl record", "old vinyl records",
        "a turntable",
    ),
}  # fmt: skip
VINYL_ADJECTIVES = {True: ("crackly", "scratchy")}
VINYL_CLAUSES = {
    True: (
        "like an old record", "sampled from vinyl", "as if played from an old record",
        "off a dusty record", "sounds like a record player", "the needle crackles",
    ),
}  # fmt: skip
RAIN = {
    True: (
        "rain", "rain sounds", "raindrops", "rainfall", "rain on the window", "rain in the background",
        "drizzle", "pouring rain", "gentle rain", "rain outside", "soft rain", "a rainy afternoon",
        "rainstorm", "rain falling", "light rain", "rain against the glass", "rainy weather",
        "thunderstorm", "storm", "rain noise", "sound of rain", "wet streets", "rain ambience",
        "the sound of rain", "rain on a tin roof", "rain on the roof", "a rainy window", "heavy rain",
        "the patter of rain", "raindrops on the window", "some rain", "a downpour", "steady rain",
        "rain tapping on the window", "a light drizzle", "falling rain", "rain pattering",
        "pitter-patter of rain", "distant thunder", "thunder", "a thunderstorm outside", "rain dripping",
        "rain hitting the window", "summer rain", "raindrops falling", "a rainy background",
        "rain in the distance", "monsoon rain", "rainy ambience", "rain showers",
    ),
}  # fmt: skip
RAIN_ADJECTIVES = {True: ("rainy", "rain-soaked", "drizzly", "rainy mood")}
RAIN_CLAUSES = {
    True: (
        "rainy night", "rainy day", "rainy evening", "raining", "while it rains", "in the rain",
        "rainy weather outside", "it is raining", "it's raining outside", "rainy afternoon",
        "rainy sunday", "rain rain rain", "rainy season", "it is pouring",
        "stuck inside because of the rain", "on a rainy day", "for a rainy day", "rainy window",
        "on a rainy evening", "it rains", "when it rains", "rain is falling", "during a storm",
    ),
}  # fmt: skip
CAFE = {
    True: (
        "coffee shop chatter", "café noise", "people talking in the background", "coffee shop sounds",
        "cafe sounds", "café ambience", "coffee shop ambience", "coffee shop noise", "people chatting",
        "background chatter", "cafe chatter", "clinking cups", "a murmuring crowd",
        "voices in the background", "coffeehouse chatter", "coffeehouse ambience", "cups and voices",
        "restaurant noise", "coffee machine sounds", "the murmur of a cafe", "people murmuring",
        "cafe background noise", "crowd murmur", "chatter", "clinking cups and voices",
        "the sounds of a busy cafe", "people talking", "murmurs", "distant voices", "quiet conversations",
        "a room full of people talking", "coffee shop background noise", "the hum of a coffee shop",
        "bar chatter", "coffeehouse sounds", "muffled conversations", "people chattering",
        "a chattering crowd", "the clink of cups", "cup clinks", "barista noises", "espresso machine",
        "voices", "crowd noise", "tables and voices", "diner noise", "chatting people", "a lively cafe",
        "coffee bar noise", "clattering dishes", "cafe atmosphere", "a cafe in the background",
    ),
}  # fmt: skip
CAFE_CLAUSES = {
    True: (
        "in a busy cafe", "in a busy coffee shop", "as if played in a crowded cafe",
        "like sitting in a coffee shop with people talking", "people are talking in the background",
        "inside a café", "recorded in a coffee shop", "at the corner cafe",
        "with coffee shop sounds behind it", "as if i sat in a cafe", "surrounded by chatting people",
        "sitting in a noisy cafe", "in a cafe full of people",
    ),
}  # fmt: skip
NIGHT = {
    True: (
        "crickets", "summer night sounds", "night ambience", "night sounds", "cricket sounds",
        "chirping crickets", "cicadas", "sounds of the night", "crickets chirping", "crickets outside",
        "night noises", "nighttime ambience", "crickets in the background", "nighttime sounds",
        "insects at night", "a cricket chorus", "nocturnal sounds", "cricket noise", "distant crickets",
        "night insects", "the sound of crickets", "some crickets", "a chorus of crickets",
        "summer night ambience", "evening crickets", "chirping insects", "a night full of crickets",
        "crickets and night air", "outdoor night sounds", "night nature sounds", "crickets by the porch",
        "chirping", "night bugs", "crickets in the grass", "a field of crickets", "crickets at night",
        "crickets at dusk", "crickets singing", "katydids", "nighttime insects",
        "sounds of a summer night", "a cricket", "crickets and frogs", "nature sounds of the night",
        "cricket chirps", "nocturnal ambience",
    ),
}  # fmt: skip
NIGHT_CLAUSES = {
    True: (
        "the crickets chirp", "crickets are chirping", "you can hear crickets",
        "with the window open to crickets", "insects buzz in the night", "on the porch with crickets",
    ),
}  # fmt: skip
