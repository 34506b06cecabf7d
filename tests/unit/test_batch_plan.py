"""What `lofi-batch` reads and plans: formats, wrong rows, seeds, names, shards."""

from __future__ import annotations

import pytest

from lofi_batch.plan import WHOLE, Defaults, Row, Shard, make_plan, name_of, parse_shard, seed_of
from lofi_batch.prompts import Asked, Entry, Wrong, form_of, read_prompts
from lofi_common.jobs import AudioFormat


def plan(text: str, form: str = "csv", **defaults: object) -> tuple[list[Row], list[Wrong]]:
    return make_plan(read_prompts(text, form), Defaults(**defaults))  # type: ignore[arg-type]


def reasons(text: str, form: str = "csv") -> dict[int, str]:
    return {each.line: each.reason for each in plan(text, form)[1]}


def test_text_is_a_prompt_a_line() -> None:
    entries = list(read_prompts("rain\r\n\n  # a comment\n  snow, slow  \n", "txt"))
    assert entries == [Entry(1, Asked(prompt="rain")), Entry(4, Asked(prompt="snow, slow"))]


def test_a_prompt_may_hold_what_some_take_for_an_end_of_line() -> None:
    entries = list(read_prompts("rain\u2028and \x85wind\nsnow", "txt"))
    assert entries == [Entry(1, Asked(prompt="rain\u2028and \x85wind")), Entry(2, Asked(prompt="snow"))]


def test_csv_and_jsonl_say_the_same() -> None:
    table = (
        "prompt,duration,seed,model,file,temperature,top_k,top_p,guidance\n"
        '"rain, ""heavy""",20,18446744073709551615,m,a/b.flac,0.5,10,0.9,1\n'
        "\nsnow,,,,,,,,\n"
    )
    objects = (
        '{"prompt": "rain, \\"heavy\\"", "duration": 20, "seed": 18446744073709551615, "model": "m", '
        '"file": "a/b.flac", "temperature": 0.5, "top_k": 10, "top_p": 0.9, "guidance": 1}\n\n'
        '{"prompt": "snow"}'
    )
    rows, wrong = plan(table)
    assert (rows, wrong) == plan(objects, "jsonl") and not wrong
    assert rows[0] == Row(
        row=1,
        prompt='rain, "heavy"',
        duration_sec=20,
        seed=2**64 - 1,
        model="m",
        temperature=0.5,
        top_k=10,
        top_p=0.9,
        guidance_scale=1.0,
        format=AudioFormat.FLAC,
        path="a/b.flac",
    )
    assert (rows[1].duration_sec, rows[1].model, rows[1].top_k) == (30, None, None)


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("a.CSV", "{", "csv"),
        ("-", '\n {"prompt": "x"}', "jsonl"),
        ("-", "duration, prompt\n5,x", "csv"),
        ("-", "a prompt, with a comma", "txt"),
        ("prompts", "prompt of a poem, slow", "txt"),
    ],
)
def test_the_form_is_told_by_the_name_or_the_text(name: str, text: str, form: str) -> None:
    assert form_of(name, text) == form


def test_every_wrong_row_is_named_by_its_line() -> None:
    table = (
        "prompt,duration,seed,file\n"
        "fine,5,1,x.wav\n"
        '"two\nlines",4,,\n'
        "x,ten,,\n"
        "x,5,-1,\n"
        "x,5,,X.wav\n"
        "x,5,,../y.wav\n"
        "x,5,,/y.wav\n"
        "x,5,,.hidden/y.wav\n"
        "x,5,,manifest.2-of-3.jsonl\n"
        "x,5,,x.wav/y.wav\n"
        "x,5,,y.m4a\n"
        f"x,5,,{'y' * 201}\n"
        "x,5,,,more\n"
        "   ,5,,\n"
        f"{'p' * 1001},5,,\n"
    )
    found = reasons(table)
    assert list(sorted(found)) == [3, *range(5, 18)]
    for line, words in {
        3: "5 to 3600",
        5: "duration: must be a whole number",
        6: "seed",
        7: "line 2 has the same",
        8: "inside the folder",
        10: "hidden",
        11: "manifest",
        12: "in the file of line 2",
        13: "m4a",
        14: "200 bytes",
        15: "5 cells",
        16: "empty",
        17: "1001 characters",
    }.items():
        assert words in found[line], (line, found[line])
    assert "manifest" in reasons("prompt,file\nx,Manifest.jsonl/x.wav\n")[2]


@pytest.mark.parametrize(
    ("text", "form", "line", "words"),
    [
        ("words\nx\n", "csv", 1, "no column `prompt`"),
        ("\nprompt,sede\nx,1\n", "csv", 2, "`sede`"),
        ("prompt,prompt\nx,y\n", "csv", 1, "twice"),
        ('prompt\n"x\n', "csv", 2, "no CSV"),
        ('{"prompt": "x"}\n[1]\n', "jsonl", 2, "got `array`"),
        ('{"prompt": "x"\n', "jsonl", 1, ""),
        ('{"prompt": "x", "sede": 1}\n', "jsonl", 1, "sede"),
        ('{"prompt": "x", "seed": "1"}\n', "jsonl", 1, "seed: must be a whole number"),
        ('{"duration": 5}\n', "jsonl", 1, "prompt"),
        ("[" * 100_000, "jsonl", 1, ""),
    ],
)
def test_what_is_no_table_and_no_object(text: str, form: str, line: int, words: str) -> None:
    found = reasons(text, form)
    assert list(found) == [line] and words in found[line], found


def test_seeds_depend_on_the_base_and_the_row_alone() -> None:
    assert [seed_of(0, row) for row in (1, 2, 100_000)] == [
        8411718770426228,
        5177691448596831,
        8264090519988624,
    ]
    assert seed_of(1, 1) == 7554410117382319
    assert seed_of(11, 1) != seed_of(1, 11)  # the two are told apart
    rows, _ = plan("rain\nsnow\n", "txt", seed=1)
    assert [row.seed for row in rows] == [seed_of(1, 1), seed_of(1, 2)]


def test_names_tell_the_row_the_prompt_and_the_seed() -> None:
    name = name_of(7, "Rainy  Night, façade & 90 BPM", 12, AudioFormat.OGG)
    assert name == "000007-rainy-night-facade-90-bpm-12.ogg"
    assert name_of(7, "雨の夜", 12, AudioFormat.WAV) == "000007-track-12.wav"
    assert len(name_of(7, "long " * 200, 2**64 - 1, AudioFormat.WAV)) < 80


def test_the_file_s_name_tells_the_format_else_the_command() -> None:
    rows, _ = plan("prompt,file\na,a.WAV\nb,b.ogg\nc,c\nd,\n", format=AudioFormat.FLAC)
    assert [row.format for row in rows] == ["wav", "ogg", "flac", "flac"]
    assert rows[3].path.endswith(".flac")


@pytest.mark.parametrize("ending", ["mp4", "xyz", "m4a", "MP4", "v2", "7z"])
def test_an_ending_of_no_format_is_wrong(ending: str) -> None:
    told = f"file: the ending .{ending} is none of wav, flac, ogg, mp3"
    assert reasons(f"prompt,file\na,fine.wav\nb,sub/song.{ending}\n") == {3: told}


@pytest.mark.parametrize(
    "name", ["song", "no. 5", "take.2", "vol.1/song", "song.", "st. john", "a.longer", "b.v_1"]
)
def test_a_name_without_an_ending_stays(name: str) -> None:
    rows, wrong = plan(f"prompt,file\na,{name}\n", format=AudioFormat.OGG)
    assert not wrong and (rows[0].path, rows[0].format) == (name, "ogg")


def test_rows_over_the_limit_are_wrong_and_tell_which_would_do() -> None:
    entries = list(read_prompts("prompt,duration\na,120\nb,121\nc,\nd,600\n", "csv"))
    rows, wrong = make_plan(entries, Defaults(duration_sec=130), most_sec=120)
    assert [row.prompt for row in rows] == ["a"]
    assert wrong == [
        Wrong(line, f"duration: {asked} s is over the limit of 120 s", asked)
        for line, asked in ((3, 121), (4, 130), (5, 600))
    ]
    assert not make_plan(entries, Defaults())[1]  # where there is no limit


def test_shards_are_disjoint_and_together_complete() -> None:
    shards = [Shard(part, 4) for part in (1, 2, 3, 4)]
    owners = [[shard.part for shard in shards if shard.has(row)] for row in range(1, 12)]
    assert owners == [[1], [2], [3], [4], [1], [2], [3], [4], [1], [2], [3]]
    assert [shard.manifest for shard in (WHOLE, shards[1])] == ["manifest.jsonl", "manifest.2-of-4.jsonl"]
    assert parse_shard("2/4") == shards[1]
    for wrong in ("0/4", "5/4", "1", "a/b", "1/0", "-1/2", "1/2/3"):
        with pytest.raises(ValueError, match="such as 2/4"):
            parse_shard(wrong)
