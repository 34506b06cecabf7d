--- A part for the status line, made of what is known already: it asks nobody and starts nothing.

local words = require("lofi.words")

local M = {}

local REDRAW_MS = 100

local drawn, redrawing = false, false

---@class lofi.statusline.Icons
---@field generating string
---@field playing string
---@field paused string
---@field waiting string
---@field radio string
---@field downloading string
---@field ellipsis string

---@class lofi.statusline.Config
---@field icons lofi.statusline.Icons
---@field prompt_width integer cells

---@class lofi.statusline.Options
---@field escape? boolean true where the text becomes part of a 'statusline' value: "%" is doubled

---@param prompt string
---@param config lofi.statusline.Config
---@return string
local function short(prompt, config)
  return words.short(prompt, config.prompt_width, config.icons.ellipsis)
end

---@param state lofi.State
---@param config lofi.statusline.Config
---@return string?
local function generating(state, config)
  local parts = { config.icons.generating }
  local job = state.generating
  if job then
    parts[2] = job.model_state == "loading" and "loading" or ("%d%%"):format(job.percent)
    parts[3] = short(job.prompt, config)
  end
  if state.queue_length > 0 then
    parts[#parts + 1] = ("(%d)"):format(state.queue_length)
  end
  return #parts > 1 and table.concat(parts, " ") or nil
end

---@param state lofi.State
---@param config lofi.statusline.Config
---@return string?
local function playing(state, config)
  local track, icons = state.playing, config.icons
  local radio = state.radio and state.radio.state ~= "failed" and state.radio or nil
  local parts = { radio and icons.radio }
  if track then
    local icon = track.paused and icons.paused or track.waiting and icons.waiting or icons.playing
    vim.list_extend(parts, { icon, words.clock(track.position_sec) })
  elseif radio then
    table.insert(parts, icons.waiting)
  end
  local prompt = track and track.prompt or radio and radio.prompt
  if prompt then
    table.insert(parts, short(prompt, config))
  end
  return #parts > 0 and table.concat(parts, " ") or nil
end

---@param state lofi.State
---@param config lofi.statusline.Config
---@return string?
local function downloading(state, config)
  local download = state.download
  return download and ("%s %d%% %s"):format(config.icons.downloading, download.percent, download.model)
end

--- What is made and what plays: "♪ 45% rainy night… (2)", or "" when nothing is.
---
--- The number in brackets is how many tracks wait.
---@param options? lofi.statusline.Options
---@return string
function M.component(options)
  drawn = true
  local state = package.loaded["lofi.state"]
  if not state then
    return ""
  end
  local config = require("lofi.config").get().statusline
  local parts = {}
  for _, part in ipairs({ generating, playing, downloading }) do
    parts[#parts + 1] = part(state.get(), config)
  end
  local text = table.concat(parts, " ")
  return options and options.escape and (text:gsub("%%", "%%%%")) or text
end

--- Have status lines that hold the part drawn again whenever something happens.
function M.attach()
  local function redraw()
    if drawn and not redrawing then
      redrawing = true
      vim.defer_fn(function()
        redrawing = false
        vim.cmd.redrawstatus({ bang = true })
      end, REDRAW_MS)
    end
  end
  local events = require("lofi.events")
  for event in pairs(events.AUTOCOMMANDS) do
    events.on(event, redraw)
  end
end

return M
