--- The functions of `require("lofi")` that are about playing.
local asking = require("lofi.methods.ask")
local ask, pages = asking.ask, asking.pages

---@class lofi.methods.Playback
local M = {}

---Play these tracks, one after the other, also those that are still being made. Without ids: go on with what
---is paused, else with the list that there is, else the whole library.
---@param track_ids string[]?
---@param cb lofi.Callback? result: `{state, track_id?, position_sec, duration_sec, ready_sec?, index, count,
---volume, crossfade_sec, loop, device?, skipping?}`
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

---Pause what plays, else play.
---@param cb lofi.Callback? result: as of `play`
function M.toggle(cb)
  ask("toggle", nil, cb)
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

---The beginning of what plays; where it has just begun, the track before it.
---@param cb lofi.Callback? result: as of `play`
function M.previous(cb)
  ask("previous", nil, cb)
end

---Go to a place in what plays: beyond what is made yet, as far as that goes.
---@param position_sec number 0 or more
---@param cb lofi.Callback? result: as of `play`
function M.seek(position_sec, cb)
  ask("seek", { position_sec = position_sec }, cb)
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

---Set how long one track fades into the next, or ask for it.
---@param sec number? 0 … 12; nil asks
---@param cb lofi.Callback? result: as of `play`
function M.crossfade(sec, cb)
  if sec == nil then
    M.playback(cb)
  else
    ask("crossfade_set", { sec = sec }, cb)
  end
end

---Set what is repeated, or ask for it.
---@param mode "off"|"track"|"list"|nil nil asks
---@param cb lofi.Callback? result: as of `play`
function M.loop(mode, cb)
  if mode == nil then
    M.playback(cb)
  else
    ask("loop_set", { mode = mode }, cb)
  end
end

---The tracks that are played one after the other. An item is `{track_id, prompt, duration_sec, state}`, and
---`index` the place of what plays, from 0.
---@param opts {limit: integer?, offset: integer?}? limit: 100
---@param cb lofi.Callback? result: `{items, index?, count, loop}`
function M.playlist(opts, cb)
  pages("playlist_get", opts, "items", cb)
end

---Add tracks to the list, also those that are still being made.
---@param opts {track_ids: string[], index: integer?} index: the place of the first, from 0; nil: at the end
---@param cb lofi.Callback? result: as of `play`
function M.playlist_add(opts, cb)
  ask("playlist_add", opts, cb)
end

---Take an item out of the list; where it plays, the next one does then.
---@param index integer from 0
---@param cb lofi.Callback? result: as of `play`
function M.playlist_remove(index, cb)
  ask("playlist_remove", { index = index }, cb)
end

---Empty the list, but for what plays.
---@param cb lofi.Callback? result: as of `play`
function M.playlist_clear(cb)
  ask("playlist_clear", nil, cb)
end

---@param cb lofi.Callback? result: `{devices, current?, backend}`; a device is `{name, default}`
function M.devices(cb)
  ask("audio_devices", nil, cb)
end

---Play through this sound device from now on.
---@param name string? as `devices` tells it; nil: the default one, whichever it is
---@param cb lofi.Callback? result: as of `play`
function M.device(name, cb)
  ask("audio_device_set", { name = name or vim.NIL }, cb)
end

return M
