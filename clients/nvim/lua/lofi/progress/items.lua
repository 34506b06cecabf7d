--- What of the broker's events is worth a line of progress. Events in, lines out; shows nothing itself.

local words = require("lofi.words")

local M = {}

local PROMPT_CELLS = 40

---@alias lofi.progress.Status "running"|"success"|"failed"|"cancel"

---@class lofi.progress.Item
---@field id string what it is about: a track's id, "model", or "install NAME"
---@field message string
---@field percent? integer 0–100
---@field status lofi.progress.Status
---@field recovery? string what the user can do about a failure
---@field patient? boolean only worth a line when it takes long

---@alias lofi.progress.Open table<string, lofi.progress.Item> what has begun and not ended

---@param id string
---@param status lofi.progress.Status
---@param message string
---@param more? table
---@return lofi.progress.Item
local function item(id, status, message, more)
  local made = vim.tbl_extend("error", { id = id, status = status, message = message }, more or {})
  made.recovery = made.recovery ~= "" and made.recovery or nil
  return made
end

---@param open lofi.progress.Open
---@param made lofi.progress.Item
---@return lofi.progress.Item[]
local function begun(open, made)
  open[made.id] = made
  return { made }
end

---@param open lofi.progress.Open
---@param made lofi.progress.Item
---@return lofi.progress.Item[]
local function ended(open, made)
  open[made.id] = nil
  return { made }
end

---@param open lofi.progress.Open
---@param params table of an event that need not name the prompt
---@return string
local function prompt_of(open, params)
  local before = open[params.track_id]
  return before and before.prompt or words.short(params.prompt or "a track", PROMPT_CELLS)
end

---@type table<string, fun(open: lofi.progress.Open, params: table): lofi.progress.Item[]>
local on = {}

function on.start(open, params)
  local prompt = words.short(params.prompt, PROMPT_CELLS)
  return begun(open, item(params.track_id, "running", prompt, { percent = 0, prompt = prompt }))
end

function on.progress(open, params)
  local prompt = prompt_of(open, params)
  local message = prompt
  if params.eta_sec and params.eta_sec >= 1 then
    message = ("%s · %s left"):format(prompt, words.span(math.ceil(params.eta_sec)))
  end
  return begun(open, item(params.track_id, "running", message, { percent = params.percent, prompt = prompt }))
end

function on.complete(open, params)
  local message = ("%s · %s made in %s"):format(
    words.short(params.prompt, PROMPT_CELLS),
    words.span(params.duration_sec),
    words.span(params.generation_time_sec)
  )
  return ended(open, item(params.track_id, "success", message, { percent = 100 }))
end

function on.error(open, params)
  local before, prompt = open[params.track_id], prompt_of(open, params)
  if params.code == "GENERATION_CANCELLED" then
    return before and ended(open, item(params.track_id, "cancel", prompt .. " · cancelled")) or {}
  end
  local more = { recovery = params.recovery }
  return ended(open, item(params.track_id, "failed", ("%s: %s"):format(prompt, params.message), more))
end

---@type table<string, fun(id: string, params: table): lofi.progress.Item>
local model = {}

function model.loading(id, params)
  return item(id, "running", "loading " .. params.model, { patient = true })
end

function model.ready(id, params)
  local took = params.load_sec and (" · loaded in " .. words.span(params.load_sec)) or " · loaded"
  return item(id, "success", params.model .. took)
end

function model.unloaded(id, params)
  return item(id, "cancel", params.model .. " · unloaded")
end

function model.asking(id, params)
  local again = (params.failures or 0) > 0 and (" · try %d"):format(params.failures + 1) or ""
  return item(id, "running", ("%s · asking %s%s"):format(params.model, params.host or "the Hub", again))
end

function model.queued(id, params)
  return item(id, "running", params.model .. " · waits for another installation")
end

function model.installing(id, params)
  if params.stage and params.done and params.total and params.total > 0 then
    local percent = math.floor(100 * params.done / params.total)
    return item(id, "running", ("%s · %s"):format(params.model, params.stage), { percent = percent })
  end
  return item(id, "running", params.model .. " · installing")
end

function model.installed(id, params)
  return item(id, "success", params.model .. " · installed", { percent = 100 })
end

function model.cancelled(id, params)
  return item(id, "cancel", params.model .. " · stopped; the next download goes on from here")
end

function model.install_failed(id, params)
  local why = params.error or {}
  local message = ("%s can't be installed: %s"):format(params.model, why.message or "its log tells why")
  return item(id, "failed", message, { recovery = why.recovery })
end

function model.failed(id, params)
  local why = params.error or {}
  local message = ("%s can't be loaded: %s"):format(
    params.model,
    why.message or params.reason or "see :Lofi log"
  )
  return item(id, "failed", message, { recovery = why.recovery })
end

local IN_A_WORKER = { loading = true, ready = true, unloaded = true, failed = true }

function on.model(open, params)
  local make = model[params.state]
  if not make then
    return {}
  end
  local id = IN_A_WORKER[params.state] and "model" or ("install " .. params.model)
  local made = make(id, params)
  if made.status == "running" then
    return begun(open, made)
  end
  -- What ends without having been shown is no news, but for what has failed.
  if not open[id] and made.status ~= "failed" then
    return {}
  end
  return ended(open, made)
end

function on.download(open, params)
  local total = params.bytes_total or 0
  local message = ("%s · %s of %s"):format(
    params.model,
    words.size(params.bytes_downloaded),
    words.size(total)
  )
  local percent = total > 0 and math.floor(100 * params.bytes_downloaded / total) or nil
  return begun(open, item("install " .. params.model, "running", message, { percent = percent }))
end

function on.disconnected(open, params)
  local left = {}
  for id, before in pairs(open) do
    local after = before.prompt and params.restarts and "kept: the next broker goes on with it"
      or "the broker ended"
    left[#left + 1] = item(id, "cancel", ("%s · %s"):format(before.prompt or before.message, after))
    open[id] = nil
  end
  return left
end

function on.playback(_, params)
  if params.event ~= "ended" or params.reason ~= "failed" then
    return {}
  end
  return { item("playback", "failed", params.message) }
end

--- The lines that follow from one event; `open` is brought up to date.
---@param open lofi.progress.Open
---@param event string
---@param params table the notification's params
---@return lofi.progress.Item[]
function M.apply(open, event, params)
  local handler = on[event]
  -- Of tracks, those that this editor asked for: others have clients of their own that tell.
  -- What is open goes on to its end.
  local theirs = params.track_id and event ~= "playback" and not (params.mine or open[params.track_id])
  if not handler or theirs then
    return {}
  end
  return handler(open, params)
end

---@return string[] the events that `apply` knows
function M.events()
  return vim.tbl_keys(on)
end

return M
