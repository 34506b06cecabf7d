"""Every message of a real session against the published JSON Schemas."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema

from tests.support.home import Home
from tests.support.hub import FakeHub
from tests.support.models import NAME, with_hub
from tests.support.shop import REPO
from tests.support.stdio import Stdio


def check(schema: dict[str, Any], part: dict[str, str], value: object) -> None:
    jsonschema.Draft202012Validator({"$defs": schema["$defs"], **part}).validate(value)


def test_a_session_speaks_as_its_schemas_say(home: Home) -> None:
    schema = json.loads(home.lofi("schema").stdout)
    # Once, since it takes as long as the whole session.
    jsonschema.Draft202012Validator.check_schema({"$defs": schema["$defs"]})
    asked: set[str] = set()
    environ = {"LOFI_PLAYER_DEVICE": "null", "LOFI_CACHE_MAX_TRACKS": "1"}
    with FakeHub() as hub, Stdio({**with_hub(home, hub).environ, **environ}) as broker:

        def call(method: str, **params: object) -> Any:
            asked.add(method)
            check(schema, schema["methods"][method]["params"], params)
            result = broker.call(method, **params)
            check(schema, schema["methods"][method]["result"], result)
            return result

        call("initialize", client="contract", protocol=1)
        track_id = call("generate", prompt="one", duration_sec=5, seed=2**64 - 1)["track_id"]
        broker.wait("generation_complete", track_id)
        call("generate", prompt="one", duration_sec=5, seed=2**64 - 1)
        call("track_get", track_id=track_id)
        talk_of_playing(broker, call, track_id)
        talk_of_the_radio(call)
        track_id = talk_of_the_library(broker, call, track_id)
        crashed = call("generate", prompt="crash", duration_sec=5, priority="high")["track_id"]
        broker.wait("generation_error", crashed)
        call("track_get", track_id=crashed)
        slow = call("generate", prompt="slow 60", duration_sec=5)["track_id"]
        broker.wait("generation_start", slow)
        call("generate", prompt="waits", duration_sec=5)
        call("queue_status")
        call("worker_slots", slots=2)
        call("worker_slots")
        call("status")
        call("queue_clear")
        call("queue_cancel", track_id=slow)
        call("cache_list", query="one", limit=5)
        call("cache_stats")
        call("cache_delete", track_id=track_id)
        call("cache_clear")
        talk_of_models(broker, schema, call)
        call("shutdown")
        broker.process.wait(10.0)
        broker.drain()
        told = [m for m in broker.seen if isinstance(m, dict) and "method" in m]
    for notice in told:
        check(schema, schema["notifications"][notice["method"]], notice["params"])
    assert asked == set(schema["methods"])
    assert {notice["method"] for notice in told} == set(schema["notifications"])


def talk_of_playing(broker: Stdio, call: Callable[..., Any], track_id: str) -> None:
    call("play", track_ids=[track_id, track_id])
    broker.wait("playback_position")
    call("pause")
    call("playback_status")
    call("resume")
    call("skip")
    call("toggle")
    call("volume_set", volume=0.5)
    call("volume_get")
    call("crossfade_set", sec=1.5)
    call("loop_set", mode="list")
    call("playlist_add", track_ids=[track_id], index=0)
    call("playlist_get", limit=2)
    call("playlist_remove", index=0)
    call("playlist_clear")
    call("seek", position_sec=4.0)
    call("previous")
    assert call("audio_devices")["devices"] == [{"name": "null", "default": True}]
    call("audio_device_set", name=None)
    call("stop")
    slow = call("generate", prompt="slow 60", duration_sec=5)["track_id"]
    call("play", track_ids=[slow])
    broker.wait("playback_waiting")
    call("queue_cancel", track_id=slow)
    broker.wait("playback_ended", slow)


def talk_of_the_radio(call: Callable[..., Any]) -> None:
    call("radio_start", prompt="slow 60", mode="playlist", strategy="random_preset", seed=1)
    call("radio_prompt", prompt="slow 30")
    call("radio_status")
    call("radio_stop")


def talk_of_the_library(broker: Stdio, call: Callable[..., Any], track_id: str) -> str:
    """Returns the track that has taken the place of the one that there was."""
    call("track_tag", track_id=track_id, add=["late work"], remove=["never there"])
    call("track_favourite", track_id=track_id)
    call("cache_list", favourites=True, tag="late work")
    call("track_favourite", track_id=track_id, on=False)
    assert call("track_import", path=call("track_get", track_id=track_id)["path"])["duplicate"]
    call("cache_verify")
    call("cache_verify", track_ids=[track_id])
    call("prompt_history", query="one", limit=5)
    call("prompt_history_clear")
    newer: str = call("generate", prompt="two", duration_sec=5)["track_id"]
    broker.wait("cache_evicted")
    return newer


def talk_of_models(broker: Stdio, schema: dict[str, Any], call: Callable[..., Any]) -> None:
    """A model's whole life: offered, cancelled, installed, checked, chosen, removed."""
    offer = broker.error("model_download", model=REPO)["data"]["details"]
    check(schema, schema["errors"]["DOWNLOAD_CONSENT_REQUIRED"]["details"], json.loads(offer))
    call("model_download", model=REPO, consent=True, precision="fp32")
    call("model_download", model=REPO, consent=True, name="other")
    call("models_list")
    call("model_cancel", model="other")
    while not [n for n in broker.notices("model_status") if n["state"] == "installed"]:
        broker.take()
    call("models_list")
    call("model_verify", model=NAME, full=True)
    call("model_select", model=NAME)
    call("model_select", model="lofi-tiny")
    call("model_remove", model=NAME)


def test_the_schemas_refuse_what_the_broker_refuses(home: Home) -> None:
    schema = json.loads(home.lofi("schema").stdout)
    params = schema["methods"]["generate"]["params"]
    for bad in ({"prompt": 1}, {"prompt": "x", "duration_sec": 0}, {"prompt": "x", "nope": 1}):
        try:
            check(schema, params, bad)
        except jsonschema.ValidationError:
            continue
        raise AssertionError(f"{bad} passes")
