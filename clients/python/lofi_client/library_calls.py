"""What can be asked of a broker about its library and the prompts' history; as `calls`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lofi_client.calls import Call
from lofi_common import api, api_library

_FILES_SEC = 600.0


def tracks(
    *, limit: int = 100, offset: int = 0, query: str = "", favourites: bool = False, tag: str = ""
) -> Call[api_library.CacheListResult]:
    """The library, newest first. limit: 1 to 1000. query: words, or parts of them, all of which the prompt,
    the tags or the model's name hold. favourites: those alone. tag: only tracks that have it."""
    params = api_library.CacheListParams(
        limit=limit, offset=offset, query=query, favourites=favourites, tag=tag
    )
    return Call("cache_list", params, api_library.CacheListResult)


def favourite_track(track_id: str, on: bool = True) -> Call[api.Track]:
    """Keep a track whatever the limits of the library, or no longer. Raises InvalidTrackId."""
    return Call("track_favourite", api_library.FavouriteParams(track_id=track_id, on=on), api.Track)


def tag_track(track_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Call[api.Track]:
    """Give a track tags, of 1 to 40 characters and at most 32, and take others from it.

    Raises InvalidTrackId, InvalidParams.
    """
    params = api_library.TagParams(track_id=track_id, add=list(add), remove=list(remove))
    return Call("track_tag", params, api.Track)


def delete_track(track_id: str) -> Call[api_library.CacheDeleteResult]:
    """Delete a track of the library and its file. Raises InvalidTrackId."""
    return Call("cache_delete", api.TrackParams(track_id=track_id), api_library.CacheDeleteResult)


def clear_tracks() -> Call[api_library.CacheClearResult]:
    """Delete all tracks of the library and their files."""
    return Call("cache_clear", api.NoParams(), api_library.CacheClearResult)


def stats() -> Call[api_library.CacheStatsResult]:
    """How many tracks the library has, their bytes, and its folder."""
    return Call("cache_stats", api.NoParams(), api_library.CacheStatsResult)


def import_track(path: str | os.PathLike[str]) -> Call[api_library.ImportResult]:
    """Copy a WAV, FLAC, OGG or MP3 file into the library; one that `lofi tracks export` wrote brings its
    prompt, seed and model along. Raises InvalidParams for what is no sound, InvalidDuration, CacheWriteError.
    """
    params = api_library.ImportParams(path=os.path.abspath(path))
    return Call("track_import", params, api_library.ImportResult, _FILES_SEC)


def verify_tracks(
    track_ids: Sequence[str] | None = None, *, repair: bool = False
) -> Call[api_library.VerifyResult]:
    """Compare the files of these tracks, at most 1000, with what was written; without ids look through the
    whole library's folder for what is left over, without reading files. repair: drop what is damaged.

    Raises InvalidTrackId, CacheWriteError.
    """
    ids = None if track_ids is None else list(track_ids)
    params = api_library.VerifyParams(track_ids=ids, repair=repair)
    return Call("cache_verify", params, api_library.VerifyResult, _FILES_SEC)


def prompt_history(*, limit: int = 100, query: str = "") -> Call[api_library.HistoryResult]:
    """The prompts that were asked for, the last one first. limit: 1 to 1000. query: words, or parts of them,
    all of which the prompt holds."""
    params = api_library.HistoryParams(limit=limit, query=query)
    return Call("prompt_history", params, api_library.HistoryResult)


def clear_prompt_history() -> Call[api_library.HistoryClearResult]:
    """Forget the prompts that were asked for; the tracks stay."""
    return Call("prompt_history_clear", api.NoParams(), api_library.HistoryClearResult)
