"""What a request for a track comes to: a job's spec with every default filled in, or why it can't be made."""

from __future__ import annotations

import secrets

import msgspec

from lofi_common.api import GenerateParams, Track
from lofi_common.errors import InvalidDuration, InvalidParams, ModelNotFound
from lofi_common.jobs import CHOSEN_SEED_BITS, MAX_DURATION_SEC, MIN_DURATION_SEC, AudioFormat, JobSpec
from lofi_common.manifest import Model, SamplingSpec


def spec_of(params: GenerateParams, model: Model, base: Track | None, most_sec: int) -> JobSpec:
    """The request with every default filled in: the model's own, or those of the track that it continues; and
    a seed when none was given.

    Raises InvalidDuration, InvalidParams for what the model can't do, ModelNotFound when it is not the one
    that made `base`.
    """
    if params.top_k is not None and params.top_k > model.manifest.decoder.codebook_size:
        raise InvalidParams(f"top_k: must be at most {model.manifest.decoder.codebook_size}")
    if base is not None and base.model_version != model.version:
        raise ModelNotFound(
            f"track {base.track_id} was made by {base.model_version}: {model.version} can't continue it",
            recovery="Leave `model` out; if that model is no longer installed, install it again.",
        )
    duration = params.duration_sec + (base.duration_sec if base is not None else 0)
    _check_length(duration, model, most_sec)
    seed = params.seed if params.seed is not None else secrets.randbits(CHOSEN_SEED_BITS)
    prompt = params.prompt if params.prompt is not None or base is None else base.prompt
    assert prompt is not None, "`checked` lets no request without a prompt and a base pass"
    own = model.job(prompt, duration, seed)
    changes: dict[str, object] = {"format": params.format or (base.format if base else AudioFormat.WAV)}
    for name in SamplingSpec.__struct_fields__:
        given = getattr(params, name)
        changes[name] = given if given is not None else getattr(base or own, name)
    return msgspec.structs.replace(own, continue_from=params.continue_from, loop=params.loop, **changes)


def _check_length(duration_sec: int, model: Model, most: int) -> None:
    if duration_sec > most:
        raise InvalidDuration(
            f"the track would have {duration_sec} s, which is over the limit of {most} s",
            recovery=f"Ask for less: at most {MAX_DURATION_SEC} s can be allowed."
            if duration_sec > MAX_DURATION_SEC
            else "Ask for less, or allow it: `lofi config set queue.max_duration_sec"
            f" {duration_sec} && lofi broker stop` (that ends what plays).",
        )
    longest = model.manifest.longest_sec()
    if longest is not None and duration_sec > longest:
        raise InvalidDuration(
            f"{model.manifest.name} makes at most {longest} s at once, not {duration_sec} s",
            recovery=f"Ask for less (`-d {longest}`), or choose another model."
            if longest >= MIN_DURATION_SEC
            else f"Choose another model: the shortest track has {MIN_DURATION_SEC} s.",
        )
