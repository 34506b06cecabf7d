--- What is known without asking: a small table, changed by events alone.
local M = {}

---@class lofi.Running
---@field track_id string
---@field prompt string
---@field duration_sec integer?
---@field percent integer 0 … 99
---@field eta_sec number? seconds that are left
---@field model_state string? "loading" while its model is being loaded
---@field radio boolean? a piece of the radio

---@class lofi.Playing
---@field paused boolean
---@field waiting boolean for a track that is being made: it has no sound yet, or none that goes on
---@field track_id string
---@field prompt string?
---@field position_sec number
---@field duration_sec number?
---@field ready_sec number? how much of it could be played when the broker was asked
---@field index integer?
---@field count integer?

---@class lofi.State
---@field running boolean a broker process of this editor is up
---@field connected boolean it has answered
---@field version string? of the broker
---@field generating lofi.Running? the track that has been in the making for longest; no piece of the radio
---@field jobs lofi.Running[] all that are in the making, in the order of their starts
---@field queue_length integer tracks that wait: of more than 100, the first 100
---@field pending string[] their ids
---@field playing lofi.Playing?
---@field radio table? its status; nil: it is off, as far as is known
---@field volume number?
---@field model {name: string, state: string}? the last that changed
---@field download {model: string, percent: integer}?
---@field last_complete table? params of the last `complete`
---@field last_error {name: string, message: string, recovery: string}?

---@return lofi.State
function M.new()
  return { running = false, connected = false, jobs = {}, queue_length = 0, pending = {} }
end

---@param state lofi.State
---@param track_id string
---@return lofi.Running?, integer?
local function find(state, track_id)
  for index, job in ipairs(state.jobs) do
    if job.track_id == track_id then
      return job, index
    end
  end
end

---It waits no longer.
---@param state lofi.State
---@param track_id string
local function leave_queue(state, track_id)
  state.pending = vim.tbl_filter(function(each)
    return each ~= track_id
  end, state.pending)
  state.queue_length = #state.pending
end

---@param state lofi.State
---@param track_id string
local function finish(state, track_id)
  local _, index = find(state, track_id)
  if index then
    table.remove(state.jobs, index)
  end
  leave_queue(state, track_id)
end

---@param state lofi.State
---@param track_id string
---@return boolean whether the radio has asked for it
local function is_piece(state, track_id)
  return state.radio ~= nil and state.radio.making == track_id
end

---@param state lofi.State
---@param track_id string
---@param prompt string?
---@return lofi.Running
local function begin(state, track_id, prompt)
  local job = find(state, track_id)
  if job == nil then
    job = { track_id = track_id, prompt = prompt or "", percent = 0 }
    table.insert(state.jobs, job)
  end
  job.prompt = prompt or job.prompt
  job.radio = job.radio or is_piece(state, track_id) or nil
  leave_queue(state, track_id)
  return job
end

---@type table<string, fun(state: lofi.State, data: table)>
local changes = {}

function changes.connected(state, data)
  state.running, state.connected, state.version = true, true, data.version
end

function changes.disconnected(state, data)
  state.running, state.connected = false, false
  state.jobs, state.queue_length, state.pending = {}, 0, {}
  state.playing, state.radio, state.download = nil, nil, nil
  if data.message then
    state.last_error = { name = data.name, message = data.message, recovery = data.recovery or "" }
  end
end

function changes.start(state, data)
  local job = begin(state, data.track_id, data.prompt)
  job.duration_sec, job.percent, job.eta_sec = data.duration_sec, 0, nil
end

function changes.progress(state, data)
  local job = begin(state, data.track_id)
  job.percent, job.eta_sec, job.model_state = data.percent, data.eta_sec, nil
end

function changes.complete(state, data)
  finish(state, data.track_id)
  state.last_complete = data
end

function changes.error(state, data)
  finish(state, data.track_id)
  if data.code ~= "GENERATION_CANCELLED" then
    state.last_error = { name = data.code, message = data.message, recovery = data.recovery or "" }
  end
end

function changes.model(state, data)
  state.model = { name = data.model, state = data.state }
  if data.state == "loading" or data.state == "ready" then
    for _, job in ipairs(state.jobs) do
      job.model_state = data.state == "loading" and "loading" or nil
    end
  elseif data.state == "installed" or data.state == "install_failed" or data.state == "cancelled" then
    state.download = nil
  end
end

function changes.download(state, data)
  local total = math.max(1, data.bytes_total or 0)
  state.download = { model = data.model, percent = math.floor(100 * data.bytes_downloaded / total) }
end

---The answer of `queue_status`: the truth of that moment.
function changes.queue_status(state, data)
  state.queue_length, state.pending = #data.pending, {}
  for _, job in ipairs(data.pending) do
    table.insert(state.pending, job.track_id)
  end
  local current = data.current
  if current then
    local job = begin(state, current.track_id, current.prompt)
    job.percent = math.max(job.percent, current.percent)
  elseif #state.jobs > 0 then
    state.jobs = {}
  end
end

---The answer of `generate`, told before the track's events; `queue_status` may have named it already.
function changes.queued(state, data)
  if data.status == "queued" and not find(state, data.track_id) then
    leave_queue(state, data.track_id)
    table.insert(state.pending, data.track_id)
    state.queue_length = #state.pending
  end
end

---@param state lofi.State
---@param track_id string
---@return string? prompt of a track, where events have told it
local function prompt_of(state, track_id)
  local playing, job = state.playing, find(state, track_id)
  return playing and playing.track_id == track_id and playing.prompt or job and job.prompt
end

---The answer of a method about playback.
function changes.playback_status(state, data)
  state.volume = data.volume
  if data.state == "stopped" then
    state.playing = nil
    return
  end
  state.playing = {
    paused = data.state == "paused",
    waiting = data.state == "waiting",
    track_id = data.track_id,
    prompt = prompt_of(state, data.track_id),
    position_sec = data.position_sec,
    duration_sec = data.duration_sec,
    ready_sec = data.ready_sec,
    index = data.index,
    count = data.count,
  }
end

---@type table<string, fun(state: lofi.State, data: table)>
local playback = {}

function playback.started(state, data)
  state.playing = {
    paused = false,
    waiting = false,
    track_id = data.track_id,
    prompt = data.prompt,
    position_sec = 0,
    duration_sec = data.duration_sec,
    index = data.index,
    count = data.count,
  }
end

function playback.waiting(state, data)
  local playing = state.playing
  if not playing or playing.track_id ~= data.track_id then
    playing = { paused = false, track_id = data.track_id, prompt = prompt_of(state, data.track_id) }
    state.playing = playing
  end
  playing.waiting = true
  playing.position_sec, playing.duration_sec = data.position_sec, data.duration_sec
end

function playback.paused(state)
  if state.playing then
    state.playing.paused = true
  end
end

function playback.resumed(state)
  if state.playing then
    state.playing.paused, state.playing.waiting = false, false
  end
end

function playback.position(state, data)
  local playing = state.playing
  if playing and playing.track_id == data.track_id then
    playing.position_sec, playing.duration_sec = data.position_sec, data.duration_sec
  end
end

function playback.ended(state, data)
  if state.playing and state.playing.track_id == data.track_id then
    state.playing = nil
  end
end

function changes.playback(state, data)
  local change = playback[data.event]
  if change then -- else of a newer broker
    change(state, data)
  end
end

---The radio's event, or the answer of a method about it.
function changes.radio(state, data)
  state.radio = data.state ~= "off" and data or nil
  for _, job in ipairs(state.jobs) do
    job.radio = job.radio or is_piece(state, job.track_id) or nil
  end
end

---Apply one event, or one of the answers `queue_status`, `queued`, `playback_status`; others change nothing.
---@param state lofi.State
---@param event string
---@param data table
---@return lofi.State state the same table
function M.reduce(state, event, data)
  local change = changes[event]
  if change then
    change(state, data)
    state.generating = vim.iter(state.jobs):find(function(job)
      return not job.radio
    end)
  end
  return state
end

---@type lofi.State
local current = M.new()

---@return lofi.State state not a copy: to be read only
function M.get()
  return current
end

---@param event string
---@param data table
function M.apply(event, data)
  M.reduce(current, event, data)
end

return M
