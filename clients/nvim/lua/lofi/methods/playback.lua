--- The functions of `require("lofi")` that are about playing.
local ask = require("lofi.methods.ask").ask

---@class lofi.methods.Playback
local M = {}

---Play these tracks, one after the other. Without ids: go on with what is paused, else the whole library.
---@param track_ids string[]?
---@param cb lofi.Callback? result: `{state, track_id?, position_sec, duration_sec, index, count, volume}`
function M.play(track_ids, cb)
  ask("play", track_ids and { track_ids = track_ids }, cb)
end

---@param cb lofi.Callback? result: as of `play`
function M.pause(cb)
  ask("pause", nil, cb)
end

---@param cb lofi.Callback? result: as of `play`
function M.resume(cb)
  ask("resume", nil, cb)
end

---@param cb lofi.Callback? result: as of `play`
function M.stop(cb)
  ask("stop", nil, cb)
end

---The next track of those that are played.
---@param cb lofi.Callback? result: as of `play`
function M.skip(cb)
  ask("skip", nil, cb)
end

---Set the volume, or ask for it.
---@param volume number? 0 … 1; nil asks
---@param cb lofi.Callback? result: as of `play`
function M.volume(volume, cb)
  if volume == nil then
    ask("volume_get", nil, cb)
  else
    ask("volume_set", { volume = volume }, cb)
  end
end

---What plays, and where in it.
---@param cb lofi.Callback? result: as of `play`
function M.playback(cb)
  ask("playback_status", nil, cb)
end

return M
