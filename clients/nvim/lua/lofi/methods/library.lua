--- The functions of `require("lofi")` that are about the library.
local asking = require("lofi.methods.ask")
local ask, pages = asking.ask, asking.pages

---@class lofi.methods.Library
local M = {}

---@class lofi.TracksOptions
---@field limit integer? 100
---@field offset integer?
---@field query string? words, or parts of them, that prompt, tags or the model's name hold, in any order
---@field favourites boolean? those alone
---@field tag string? only tracks that have it

---Tracks of the library, newest first. They come in pages, so that no answer is large.
---@param opts lofi.TracksOptions?
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

---Make a track a favourite, which is never deleted for want of room, or no longer.
---@param track_id string
---@param on boolean
---@param cb lofi.Callback? result: the track
function M.favourite(track_id, on, cb)
  ask("track_favourite", { track_id = track_id, on = on }, cb)
end

---Give a track tags, or take some away.
---@param track_id string
---@param opts {add: string[]?, remove: string[]?}
---@param cb lofi.Callback? result: the track
function M.tag(track_id, opts, cb)
  ask("track_tag", { track_id = track_id, add = opts.add, remove = opts.remove }, cb)
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

---@param cb lofi.Callback? result: `{tracks, bytes, path, max_bytes, max_tracks, evicted?}` of the library
function M.stats(cb)
  ask("cache_stats", nil, cb)
end

---Take a file into the library: WAV, FLAC, OGG or MP3.
---@param path string absolute
---@param cb lofi.Callback? result: `{track, duplicate}`
function M.import_track(path, cb)
  ask("track_import", { path = path }, cb)
end

---@class lofi.VerifyOptions
---@field track_ids string[]? read all their files; nil: look at the whole library without reading
---@field repair boolean? see to what is wrong

---Check the library's files against what was written of them.
---@param opts lofi.VerifyOptions?
---@param cb lofi.Callback? result: `{tracks, bytes, problems}`; a problem is `{file, what, message, …}`
function M.verify_tracks(opts, cb)
  ask("cache_verify", opts, cb)
end

---The prompts that were asked for, the last one first, also those whose tracks are gone.
---@param opts {limit: integer?, query: string?}? limit: 100, at most 1000
---@param cb lofi.Callback? result: `{prompts, total}`; a prompt is `{prompt, asked, asked_at}`
function M.prompts(opts, cb)
  ask("prompt_history", opts, cb)
end

---Forget the prompts that were asked for.
---@param cb lofi.Callback? result: `{forgotten}`
function M.forget_prompts(cb)
  ask("prompt_history_clear", nil, cb)
end

return M
