--- lofi in Neovim: one function per method of docs/protocol.md, and what is known without asking.
---
--- Every function that asks takes a callback, `cb(err, result)`, which is called once, on the main loop;
--- without one an error is told by `vim.notify`. The first of them starts the broker; none ever waits.
local M = {}

local QUEUE_MS = 100
local PAGE = 100

---Notifications of the protocol → event; those of playback share one, and `data.event` tells which it was.
local EVENTS = {
  generation_start = "start",
  generation_progress = "progress",
  generation_complete = "complete",
  generation_error = "error",
  model_status = "model",
  download_progress = "download",
  worker_restart = "worker",
  playback_started = "playback",
  playback_paused = "playback",
  playback_resumed = "playback",
  playback_ended = "playback",
  playback_position = "playback",
}

---@return lofi.State
local function state()
  return require("lofi.state").get()
end

---Apply to what is known; tell when the number of waiting tracks changed by it.
---@param event string
---@param data table
local function learn(event, data)
  local before = state().queue_length
  require("lofi.state").apply(event, data)
  if state().queue_length ~= before then
    require("lofi.events").emit("queue", { queue_length = state().queue_length })
  end
end

local ready = false
local queue_asked = false

---Ask how many wait, soon and once, however much happens in between.
local function refresh_queue()
  if queue_asked then
    return
  end
  queue_asked = true
  vim.defer_fn(function()
    queue_asked = false
    if state().connected then
      M.queue(function() end)
    end
  end, QUEUE_MS)
end

---@type table<string, true> tracks that this editor asked for and that are not there yet
local mine = {}

---@param track_id string
local function play_when_wanted(track_id)
  mine[track_id] = nil
  if require("lofi.config").get().play_on_complete then
    M.play({ track_id })
  end
end

---@param method string
---@param params table
local function on_notification(method, params)
  local event = EVENTS[method]
  if event == nil then -- of a newer broker
    return
  end
  if event == "playback" then
    params.event = method:sub(#"playback_" + 1)
  end
  learn(event, params)
  require("lofi.events").emit(event, params)
  if event == "start" or event == "complete" or event == "error" then
    refresh_queue()
  end
  if event == "complete" and mine[params.track_id] then
    play_when_wanted(params.track_id)
  elseif event == "error" then
    mine[params.track_id] = nil
  end
end

---Once, before the first request.
local function prepare()
  if ready then
    return
  end
  ready = true
  local events, broker = require("lofi.events"), require("lofi.broker")
  broker.on_notification = on_notification
  events.on("connected", function(data)
    learn("connected", data)
    M.queue(function() end)
    if broker.knows("playback_status") then
      M.playback(function() end)
    end
  end)
  events.on("disconnected", function(data)
    mine = {}
    learn("disconnected", data)
  end)
  events.on("restart", function(data)
    local words = ("%s; starting it again (%d of %d)"):format(data.reason, data.attempt, data.max)
    require("lofi.notify").say(words, vim.log.levels.WARN)
  end)
end

---@param cb lofi.Callback?
---@param learn_from fun(result: any)?
---@return lofi.Callback
local function answered(cb, learn_from)
  return function(err, result)
    if err == nil and learn_from then
      learn_from(result)
    end
    if cb then
      cb(err, result)
    elseif err then
      require("lofi.notify").error(err)
    end
  end
end

---@param method string
---@param params table?
---@param cb lofi.Callback?
---@param learn_from fun(result: any)?
local function ask(method, params, cb, learn_from)
  prepare()
  require("lofi.broker").request(method, params, answered(cb, learn_from))
end

---Override options; the plugin works without it. Raises an error that names every wrong one.
---@param opts table? `lofi.Config`, of which every part may be left out
function M.setup(opts)
  require("lofi.config").set(opts or {})
end

---@class lofi.GenerateOptions
---@field prompt string 1 … 1000 characters
---@field duration_sec integer? 5 … 120
---@field seed integer? 0 … 2^53; nil: the broker chooses
---@field model string?
---@field format "wav"|"flac"|"ogg"|"mp3"|nil
---@field priority "normal"|"high"|nil
---@field temperature number?
---@field top_k integer?
---@field top_p number?
---@field guidance_scale number?
---@field output string? absolute path to copy the track to
---@field force boolean? replace an existing file there

---Ask for a track. The answer says that it is queued, or where it is if it was made before;
---`on("complete", …)` and `on("error", …)` tell how it ended.
---@param opts lofi.GenerateOptions|string
---@param cb lofi.Callback? result: `{track_id, status, seed, model_version, position?, path?}`
function M.generate(opts, cb)
  local given = type(opts) == "string" and { prompt = opts } or opts
  local params = vim.tbl_extend("force", require("lofi.config").get().generate, given)
  ask("generate", params, cb, function(result)
    if result.status == "complete" then
      play_when_wanted(result.track_id)
      return
    end
    local last = state().last_complete
    if last and last.track_id == result.track_id then
      play_when_wanted(result.track_id) -- it ended before it was answered
      return
    end
    mine[result.track_id] = true
    if result.position then
      learn("queued", result)
    end
    refresh_queue()
  end)
end

---Cancel a waiting or running track.
---@param track_id string
---@param cb lofi.Callback? result: `{track_id, status}`
function M.cancel(track_id, cb)
  ask("queue_cancel", { track_id = track_id }, cb, refresh_queue)
end

---Drop everything that waits; what is being made goes on.
---@param cb lofi.Callback? result: `{cancelled}`
function M.clear_queue(cb)
  ask("queue_clear", nil, cb, refresh_queue)
end

---What is being made, and what waits.
---@param cb lofi.Callback? result: `{current?, pending}`
function M.queue(cb)
  ask("queue_status", nil, cb, function(result)
    learn("queue_status", result)
  end)
end

---Tracks of the library, newest first. They come in pages, so that no answer is large.
---@param opts {limit: integer?, offset: integer?, query: string?}? limit: 100
---@param cb lofi.Callback? result: `{tracks, total}`
function M.tracks(opts, cb)
  opts = opts or {}
  local limit, from, found = opts.limit or PAGE, opts.offset or 0, {}
  local function page()
    local size = math.min(PAGE, limit - #found)
    local params = { limit = size, offset = from + #found, query = opts.query }
    ask("cache_list", params, function(err, result)
      if err then
        answered(cb)(err, nil)
        return
      end
      vim.list_extend(found, result.tracks)
      if #result.tracks == size and #found < limit then
        page()
      else
        answered(cb)(nil, { tracks = found, total = result.total })
      end
    end)
  end
  page()
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

---What is installed, and what can be had.
---@param cb lofi.Callback? result: `{models, ended}`
function M.models(cb)
  ask("models_list", nil, cb)
end

---Use this model from now on.
---@param name string
---@param cb lofi.Callback? result: `{model, model_version}`
function M.select_model(name, cb)
  ask("model_select", { model = name }, cb)
end

---Install a model. Without `consent` the answer is the error DOWNLOAD_CONSENT_REQUIRED, whose `details` are
---a JSON object with licence, size and destination.
---@param opts {model: string, consent: boolean?, precision: string?, name: string?, replace: boolean?}
---@param cb lofi.Callback? result: `{model, state}`
function M.download_model(opts, cb)
  ask("model_download", opts, cb)
end

---Stop an installation; what was fetched is kept.
---@param name string
---@param cb lofi.Callback? result: `{model}`
function M.cancel_download(name, cb)
  ask("model_cancel", { model = name }, cb)
end

---@param name string
---@param cb lofi.Callback? result: `{model, bytes}`
function M.remove_model(name, cb)
  ask("model_remove", { model = name }, cb)
end

---Check a model's files; with `full` load and run it too.
---@param opts {model: string?, full: boolean?}?
---@param cb lofi.Callback?
function M.verify_model(opts, cb)
  ask("model_verify", opts, cb)
end

---@param method string
---@param params table?
---@param cb lofi.Callback?
local function playback(method, params, cb)
  ask(method, params, cb, function(result)
    learn("playback_status", result)
  end)
end

---Play these tracks, one after the other. Without ids: go on with what is paused, else the whole library.
---@param track_ids string[]?
---@param cb lofi.Callback? result: `{state, track_id?, position_sec, duration_sec, index, count, volume}`
function M.play(track_ids, cb)
  playback("play", track_ids and { track_ids = track_ids }, cb)
end

---@param cb lofi.Callback? result: as of `play`
function M.pause(cb)
  playback("pause", nil, cb)
end

---@param cb lofi.Callback? result: as of `play`
function M.resume(cb)
  playback("resume", nil, cb)
end

---@param cb lofi.Callback? result: as of `play`
function M.stop(cb)
  playback("stop", nil, cb)
end

---The next track of those that are played.
---@param cb lofi.Callback? result: as of `play`
function M.skip(cb)
  playback("skip", nil, cb)
end

---Set the volume, or ask for it.
---@param volume number? 0 … 1; nil asks
---@param cb lofi.Callback? result: as of `play`
function M.volume(volume, cb)
  if volume == nil then
    playback("volume_get", nil, cb)
  else
    playback("volume_set", { volume = volume }, cb)
  end
end

---What plays, and where in it.
---@param cb lofi.Callback? result: as of `play`
function M.playback(cb)
  playback("playback_status", nil, cb)
end

---@param cb lofi.Callback? result: `{broker, workers, current, queue_length, library_tracks, model, device}`
function M.broker_status(cb)
  ask("status", nil, cb)
end

---Have the broker leave, for everybody who uses it.
---@param cb lofi.Callback? result: `{pid}`
function M.shutdown(cb)
  ask("shutdown", nil, cb)
end

---End this editor's broker process and start another.
---@param cb lofi.Callback? called when it has answered
function M.restart(cb)
  prepare()
  require("lofi.broker").restart(answered(cb))
end

---What is known without asking. A copy.
---@return lofi.State
function M.status()
  return vim.deepcopy(state())
end

---@return boolean whether a track is being made or waits, as far as is known
function M.is_generating()
  return state().generating ~= nil or state().queue_length > 0
end

---Call `fn(data)` on the main loop for every such event.
---@param event lofi.Event
---@param fn fun(data: table)
---@return fun() unsubscribe
function M.on(event, fn)
  return require("lofi.events").on(event, fn)
end

---A part for the status line, of what is known already.
---@return string
function M.statusline()
  return require("lofi.statusline").component()
end

return M
