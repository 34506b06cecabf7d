from __future__ import annotations

import hashlib

import msgspec
import pytest

from lofi_common.jobs import ALLOWED, AudioFormat, IllegalTransition, Job, JobSpec, JobState, track_id
from tests.unit.scheduling import job

SPEC = JobSpec(
    prompt="rainy night",
    duration_sec=20,
    seed=1,
    model_version="m-1",
    temperature=1.0,
    top_k=250,
    top_p=0.0,
    guidance_scale=3.0,
)


def test_the_track_id_is_stable() -> None:
    canonical = (
        b'{"duration_sec":20,"format":"wav","guidance_scale":3.0,"model_version":"m-1",'
        b'"prompt":"rainy night","seed":1,"temperature":1.0,"top_k":250,"top_p":0.0}'
    )
    assert track_id(SPEC) == hashlib.sha256(canonical).hexdigest()[:16] == "8c9f8c30785eef0c"


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "rainy day"},
        {"duration_sec": 21},
        {"seed": 2},
        {"model_version": "m-2"},
        {"temperature": 0.9},
        {"top_k": 249},
        {"top_p": 0.5},
        {"guidance_scale": 1.0},
        {"format": AudioFormat.FLAC},
        {"continue_from": "8c9f8c30785eef0c"},
        {"loop": True},
        {"segment": True},
    ],
)
def test_whatever_changes_the_file_changes_the_id(change: dict[str, object]) -> None:
    assert set(change) <= set(JobSpec.__struct_fields__)
    assert track_id(msgspec.structs.replace(SPEC, **change)) != track_id(SPEC)


@pytest.mark.parametrize("source", JobState)
@pytest.mark.parametrize("target", JobState)
def test_only_the_allowed_arrows_can_be_taken(source: JobState, target: JobState) -> None:
    allowed = {
        "queued": "generating failed cancelled",
        "generating": "queued complete failed cancelled",
        "complete": "queued",
        "failed": "queued",
        "cancelled": "queued",
    }
    before = job("a", state=source, attempt=1)
    if target in allowed[source].split():
        assert before.moved(target).state is target
    else:
        with pytest.raises(IllegalTransition, match="track_id=a attempt=1"):
            before.moved(target)
    assert set(ALLOWED) == set(JobState)


@pytest.mark.parametrize(("first", "second", "alone"), [(True, True, True), (True, False, False)])
def test_what_somebody_else_asks_for_too_is_not_the_radios_alone(
    first: bool, second: bool, alone: bool
) -> None:
    one, other = (Job(track_id="a", spec=SPEC, radio=radio) for radio in (first, second))
    assert one.joined(other).radio is alone and other.joined(one).radio is alone
