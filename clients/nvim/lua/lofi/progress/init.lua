--- Progress of tracks, models and downloads, at a pace that eyes can follow.

local backends = require("lofi.progress.backends")
local items = require("lofi.progress.items")

local M = {}

local PATIENCE_MS = 400

---@class lofi.progress.Pacer
---@field private backend lofi.progress.Backend
---@field private waiting lofi.progress.Item[] in the order in which they came, one per id
---@field private since table<string, integer> patient items that are not shown yet, and when they came (ms)
---@field private timer? uv.uv_timer_t
local Pacer = {}
Pacer.__index = Pacer

---@param backend lofi.progress.Backend
---@return lofi.progress.Pacer
function M.pacer(backend)
  return setmetatable({ backend = backend, waiting = {}, since = {} }, Pacer)
end

--- Show an item now, or when the pace allows; a newer one of the same id takes its place.
---@param item lofi.progress.Item
function Pacer:push(item)
  for place, before in ipairs(self.waiting) do
    if before.id == item.id then
      table.remove(self.waiting, place)
      break
    end
  end
  local hidden = self.since[item.id]
  if item.patient then
    self.since[item.id] = hidden or vim.uv.now()
  else
    self.since[item.id] = nil
    if hidden and item.status ~= "failed" and item.status ~= "running" then
      return -- over before it was shown
    end
  end
  self.waiting[#self.waiting + 1] = item
  if not self.timer then
    self:deliver()
  end
end

---@private
---@return lofi.progress.Item[] those whose time has come; the others stay
function Pacer:due()
  local due, rest = {}, {}
  for _, item in ipairs(self.waiting) do
    local since = self.since[item.id]
    if since and vim.uv.now() - since < PATIENCE_MS then
      rest[#rest + 1] = item
    else
      self.since[item.id] = nil
      due[#due + 1] = item
    end
  end
  self.waiting = rest
  return due
end

---@private
function Pacer:deliver()
  local mode = vim.api.nvim_get_mode().mode:sub(1, 1)
  if not (self.backend.on_cmdline and (mode == "c" or mode == "r")) then
    local due = self:due()
    if #due > 0 then
      self.backend.show(due)
    end
  end
  local timer = assert(vim.uv.new_timer())
  self.timer = timer
  timer:start(
    self.backend.interval_ms,
    0,
    vim.schedule_wrap(function()
      timer:close()
      self.timer = nil
      if #self.waiting > 0 then
        self:deliver()
      end
    end)
  )
end

---@param event string
---@return boolean whether it is about the radio's music: the radio tells it, or has it played again
local function is_of_radio(event)
  local radio = require("lofi.state").get().radio
  return event == "playback" and radio ~= nil and radio.state ~= "failed"
end

local attached = false

--- Show the broker's events from now on, as the configuration says; failures are told in any case.
function M.attach()
  if attached then
    return
  end
  attached = true
  local options = require("lofi.config").get().progress
  local backend, problem = backends.none(), nil
  if options.enabled then
    backend, problem = backends.choose(options.backend)
  end
  if problem then
    require("lofi.notify").say(("%s; %s is used"):format(problem, backend.name), vim.log.levels.WARN)
  end
  local pacer, open = M.pacer(backend), {}
  local events = require("lofi.events")
  for _, event in ipairs(items.events()) do
    events.on(event, function(params)
      for _, item in ipairs(is_of_radio(event) and {} or items.apply(open, event, params)) do
        pacer:push(item)
        if item.status == "failed" and not backend.shows_failures then
          require("lofi.notify").error(item)
        end
      end
    end)
  end
end

return M
