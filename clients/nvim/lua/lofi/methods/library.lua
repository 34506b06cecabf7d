--- The functions of `require("lofi")` that are about the library.
local asking = require("lofi.methods.ask")
local ask, pages = asking.ask, asking.pages

---@class lofi.methods.Library
local M = {}

---Tracks of the library, newest first. They come in pages, so that no answer is large.
---@param opts {limit: integer?, offset: integer?, query: string?}? limit: 100
---@param cb lofi.Callback? result: `{tracks, total}`
function M.tracks(opts, cb)
  pages("cache_list", opts, "tracks", cb)
end

---A track, or the job that is to become one.
---@param track_id string
---@param cb lofi.Callback?
function M.track(track_id, cb)
  ask("track_get", { track_id = track_id }, cb)
end

---Delete a track from the library.
---@param track_id string
---@param cb lofi.Callback? result: `{track_id}`
function M.delete(track_id, cb)
  ask("cache_delete", { track_id = track_id }, cb)
end

---Delete all tracks of the library.
---@param cb lofi.Callback? result: `{deleted}`
function M.clear_tracks(cb)
  ask("cache_clear", nil, cb)
end

---@param cb lofi.Callback? result: `{tracks, bytes, path}` of the library
function M.stats(cb)
  ask("cache_stats", nil, cb)
end

return M
