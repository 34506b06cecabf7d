--- What this editor and its broker tell each other: requests out, notifications in.
local events = require("lofi.events")
local broker = require("lofi.broker")
local radio = require("lofi.radio")

local M = {}

local QUEUE_MS = 100

---Notifications of the protocol → event; those of playback share one, and `data.event` tells which it was.
local EVENTS = {
  generation_start = "start",
  generation_progress = "progress",
  generation_complete = "complete",
  generation_error = "error",
  model_status = "model",
  download_progress = "download",
  worker_restart = "worker",
  cache_evicted = "evicted",
  playback_started = "playback",
  playback_waiting = "playback",
  playback_paused = "playback",
  playback_resumed = "playback",
  playback_ended = "playback",
  playback_position = "playback",
  radio_changed = "radio",
}

---Methods whose answers change what is known → what `lofi.state` calls them.
local ANSWERS = {
  generate = "queued",
  queue_status = "queue_status",
  play = "playback_status",
  pause = "playback_status",
  resume = "playback_status",
  toggle = "playback_status",
  stop = "playback_status",
  skip = "playback_status",
  previous = "playback_status",
  seek = "playback_status",
  volume_get = "playback_status",
  volume_set = "playback_status",
  playback_status = "playback_status",
  playlist_add = "playback_status",
  playlist_remove = "playback_status",
  playlist_clear = "playback_status",
  crossfade_set = "playback_status",
  loop_set = "playback_status",
  audio_device_set = "playback_status",
  radio_start = "radio",
  radio_prompt = "radio",
  radio_stop = "radio",
  radio_status = "radio",
}

local prepared = false
local queue_asked = false
---@type table<string, {prompt: string?}> tracks that this editor asked for and that are not there yet
local mine = {}
---How many were asked for without an answer yet.
local asking = 0
---@type {event: lofi.Event, params: table}[] what came before the answer that may name it
local held = {}

local function ignore() end

---Ask how many wait: soon, and once, however much happens in between.
function M.refresh_queue()
  if queue_asked then
    return
  end
  queue_asked = true
  vim.defer_fn(function()
    queue_asked = false
    if require("lofi.state").get().connected then
      M.ask("queue_status", nil, ignore)
    end
  end, QUEUE_MS)
end

---Play a track that this editor asked for, if that is wanted.
---@param track_id string
---@param now "asked"|"made"|"made before"
local function hear(track_id, now)
  local config = require("lofi.config").get()
  local wanted = config.play_on_complete and now ~= "asked"
  if config.play_at_once then
    wanted = now ~= "made" -- it has been playing since it was asked for
  end
  if wanted then
    M.ask("play", { track_ids = { track_id } })
  end
end

---A track that this editor asked for: play it now or when it is there, if that is wanted.
---@param result table the answer of `generate`
---@param prompt string? nil: that of the track that is continued
function M.expect(result, prompt)
  if result.status == "complete" then
    hear(result.track_id, "made before")
  else
    mine[result.track_id] = { prompt = prompt }
    M.refresh_queue()
    hear(result.track_id, "asked")
  end
end

---@param event lofi.Event
---@param params table
local function tell(event, params)
  local track_id = event ~= "playback" and params.track_id or nil
  if track_id then
    local asked = mine[track_id]
    params.mine = asked ~= nil
    params.prompt = params.prompt or asked and asked.prompt
  end
  events.emit(event, params)
  if event == "start" or event == "complete" or event == "error" then
    M.refresh_queue()
  end
  if track_id and params.mine and (event == "complete" or event == "error") then
    mine[track_id] = nil
    if event == "complete" then
      hear(track_id, "made")
    end
  end
end

---Tell what waited for an answer, but for what the next answer may name.
local function release()
  local before = held
  held = {}
  for _, each in ipairs(before) do
    if asking > 0 and mine[each.params.track_id] == nil then
      table.insert(held, each)
    else
      tell(each.event, each.params)
    end
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
  elseif params.track_id and asking > 0 and mine[params.track_id] == nil then
    table.insert(held, { event = event, params = params })
    return
  end
  tell(event, params)
end

---Once, before the first request.
local function prepare()
  if prepared then
    return
  end
  prepared = true
  broker.listen(on_notification)
  events.on("connected", function()
    M.ask("queue_status", nil, ignore)
    for _, method in ipairs({ "playback_status", "radio_status" }) do
      if broker.knows(method) then
        M.ask(method, nil, ignore)
      end
    end
  end)
  events.on("disconnected", function(data)
    held = {} -- nothing of a broker that is gone
    if data.message and not data.restarts and data.pending == 0 then -- else those who wait tell it
      require("lofi.notify").error(data)
    end
  end)
  events.on("restart", function(data)
    local rest = ("; starting it again (%d of %d)"):format(data.attempt, data.max)
    local reason = require("lofi.words").short(data.reason, math.max(20, vim.v.echospace - #rest - #"lofi: "))
    require("lofi.notify").say(reason .. rest, vim.log.levels.WARN)
  end)
  radio.attach()
  require("lofi.progress").attach()
  require("lofi.statusline").attach()
end

---Ask the broker. `cb` is called once, on the main loop; without it an error is told by `vim.notify`.
---@param method string
---@param params table?
---@param cb lofi.Callback?
---@param first fun(result: any)? called with the result before `cb`
function M.ask(method, params, cb, first)
  prepare()
  radio.asks(method)
  local one = method == "generate" and 1 or 0
  asking = asking + one
  broker.request(method, params, function(err, result)
    asking = asking - one
    if err == nil then
      if ANSWERS[method] then
        events.learn(ANSWERS[method], result)
      end
      if ANSWERS[method] == "radio" then
        radio.learn(result)
      end
      if first then
        first(result)
      end
    end
    if one > 0 then
      release()
    end
    M.answer(cb, err, result)
  end)
end

---@param cb lofi.Callback?
---@param err lofi.Error?
---@param result any
function M.answer(cb, err, result)
  if cb then
    cb(err, result)
  elseif err then
    require("lofi.notify").error(err)
  end
end

---@param cb lofi.Callback?
function M.restart(cb)
  prepare()
  broker.restart(function(err, result)
    M.answer(cb, err, result)
  end)
end

return M
