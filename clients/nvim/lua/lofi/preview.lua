--- What a picker shows of a track: its data and its waveform, as `lofi tracks show` draws them.

local cli = require("lofi.cli")

local M = {}

local SETTLE_MS = 60
local KEPT = 200
local TIMEOUT_MS = 10000
local LEAST_WIDTH = 10

local NAMESPACE = vim.api.nvim_create_namespace("lofi.preview")

local kept = {} ---@type table<string, string[]>
local order = {} ---@type string[]

---@param key string
---@param lines string[]
local function keep(key, lines)
  if not kept[key] then
    order[#order + 1] = key
  end
  kept[key] = lines
  if #order > KEPT then
    kept[table.remove(order, 1)] = nil
  end
end

---@param done vim.SystemCompleted
---@return string[]
local function failure(done)
  local why = vim.trim(done.stderr or "")
  return vim.split(why ~= "" and why or ("lofi tracks show ended with code %d"):format(done.code), "\n")
end

--- How many cells of a window a preview may fill.
---@param window integer
---@return integer
function M.width(window)
  return math.max(LEAST_WIDTH, vim.api.nvim_win_get_width(window) - vim.fn.getwininfo(window)[1].textoff)
end

--- Get the lines for a track, `width` cells wide; `cb` is called at once with those that are known.
---
--- The program is started when the user has stayed for a moment.
---@param id string
---@param width integer
---@param cb fun(lines: string[])
---@return fun() cancel nothing is called any more, and the program is ended
function M.lines(id, width, cb)
  local key = ("%s %d"):format(id, width)
  if kept[key] then
    cb(kept[key])
    return function() end
  end
  local cancelled, job = false, nil
  local timer = vim.defer_fn(function()
    if cancelled then
      return
    end
    local arguments = { "tracks", "show", id, "--width", tostring(width) }
    local problem
    job, problem = cli.run(arguments, { timeout = TIMEOUT_MS }, function(done)
      if done.code == 0 and done.signal == 0 then
        keep(key, vim.split((done.stdout or ""):gsub("%s+$", ""), "\n"))
      end
      if not cancelled then
        cb(kept[key] or failure(done))
      end
    end)
    if problem then
      cb(vim.split(problem, "\n"))
    end
  end, SETTLE_MS)
  return function()
    cancelled = true
    if job then
      job:kill("sigterm")
    elseif not timer:is_closing() then
      timer:close()
    end
  end
end

--- Get the lines for a track, or what stands in their place where there is none.
---@param track lofi.Track?
---@param width integer
---@param cb fun(lines: string[])
---@return fun() cancel
function M.lines_of(track, width, cb)
  if track then
    return M.lines(track.track_id, width, cb)
  end
  cb({ "no track of this prompt is left" })
  return function() end
end

--- Colour lines of `lofi tracks show` in a buffer: the names of the data, and the waveform.
---@param buffer integer
---@param lines string[]
function M.highlight(buffer, lines)
  vim.api.nvim_set_hl(0, "LofiLabel", { link = "Identifier", default = true })
  vim.api.nvim_set_hl(0, "LofiWaveform", { link = "Special", default = true })
  vim.api.nvim_buf_clear_namespace(buffer, NAMESPACE, 0, -1)
  for row, line in ipairs(lines) do
    local _, label_end = line:find("^%l[%w ]-%w  +")
    local group, last = nil, nil
    if line:find("[▁▂▃▄▅▆▇█]") and not label_end then
      group, last = "LofiWaveform", #line
    elseif label_end then
      group, last = "LofiLabel", label_end
    end
    if group then
      vim.api.nvim_buf_set_extmark(buffer, NAMESPACE, row - 1, 0, { end_col = last, hl_group = group })
    end
  end
end

--- Forget what is kept of a track, since it is deleted.
---@param id string
function M.forget(id)
  for place = #order, 1, -1 do
    if vim.startswith(order[place], id .. " ") then
      kept[table.remove(order, place)] = nil
    end
  end
end

return M
