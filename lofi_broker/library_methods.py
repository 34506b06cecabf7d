"""The methods of the protocol that are about the library and the prompts' history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lofi_broker import marks
from lofi_broker.eviction import MB
from lofi_broker.import_tracks import Imports
from lofi_broker.inspection import Inspection
from lofi_common import api, api_library
from lofi_common.errors import InvalidTrackId

if TYPE_CHECKING:
    from lofi_broker.app import Broker


class LibraryMethods:
    """One function per method of `api_library.METHODS`, over one broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._inspection = Inspection(broker.library, broker.store)
        self._imports = Imports(broker.config, broker.library, broker.eviction)

    async def track_favourite(self, params: api_library.FavouriteParams) -> api.Track:
        return await self._broker.library.mark(
            params.track_id, lambda track: marks.favoured(_lasting(track), params.on)
        )

    async def track_tag(self, params: api_library.TagParams) -> api.Track:
        return await self._broker.library.mark(
            params.track_id, lambda track: marks.tagged(_lasting(track), params.add, params.remove)
        )

    async def cache_list(self, params: api_library.CacheListParams) -> api.CacheListResult:
        tracks, total = self._broker.library.list(
            limit=params.limit,
            offset=params.offset,
            query=params.query,
            favourites=params.favourites,
            tag=params.tag,
        )
        return api.CacheListResult(tracks=tracks, total=total)

    async def cache_delete(self, params: api.TrackParams) -> api_library.CacheDeleteResult:
        if (track := self._broker.library.find(params.track_id)) is not None:
            _lasting(track)
        await self._broker.library.delete(params.track_id)
        return api_library.CacheDeleteResult(track_id=params.track_id)

    async def cache_clear(self, params: api.NoParams) -> api_library.CacheClearResult:
        return api_library.CacheClearResult(deleted=await self._broker.library.clear())

    async def cache_stats(self, params: api.NoParams) -> api.CacheStatsResult:
        tracks, size = self._broker.library.stats()
        limits = self._broker.config.cache
        return api.CacheStatsResult(
            tracks=tracks,
            bytes=size,
            path=str(self._broker.library.folder),
            max_bytes=limits.max_mb * MB,
            max_tracks=limits.max_tracks,
            evicted=self._broker.eviction.evicted,
        )

    async def track_import(self, params: api_library.ImportParams) -> api_library.ImportResult:
        return await self._imports.take(params.path)

    async def cache_verify(self, params: api_library.VerifyParams) -> api_library.VerifyResult:
        if params.track_ids is not None:
            return await self._inspection.tracks(params.track_ids, repair=params.repair)
        busy = self._broker.scheduler.active.ids()
        return await self._inspection.folder(busy, repair=params.repair)

    async def prompt_history(self, params: api_library.HistoryParams) -> api_library.HistoryResult:
        prompts, total = self._broker.store.history.page(limit=params.limit, query=params.query)
        return api_library.HistoryResult(prompts=prompts, total=total)

    async def prompt_history_clear(self, params: api.NoParams) -> api_library.HistoryClearResult:
        return api_library.HistoryClearResult(forgotten=self._broker.store.history.clear())


def _lasting(track: api.Track) -> api.Track:
    """The track. Raises InvalidTrackId for what the radio deletes by itself."""
    if track.segment:
        raise InvalidTrackId(
            f"{track.track_id} is a piece of a stream: it is deleted once it is heard",
            recovery=f"`lofi tracks export {track.track_id} -o PATH` keeps a copy of it.",
        )
    return track
