--- Lists of the library's tracks and prompts, in the picker that is installed.

local actions = require("lofi.picker.actions")
local entries = require("lofi.picker.entries")

local M = {}

local MOST = 2000
local MOST_ASKED = 1000
local PRINTED = 50
local NUMBER_WIDTH = 6 -- what Neovim's own selection prints before a row: "2000: "

---@class lofi.picker.Options
---@field query? string words that prompt, tags or the model's name must hold
---@field favourites? boolean those alone

--- Get the library's tracks, newest first; `cb` is called once.
---@param options lofi.picker.Options
---@param cb fun(err?: lofi.Error, tracks?: lofi.Track[])
function M.fetch(options, cb)
  local wanted = { limit = MOST, query = options.query, favourites = options.favourites }
  require("lofi").tracks(wanted, function(err, result)
    cb(err, result and result.tracks)
  end)
end

--- Get the prompts, those used most first; `cb` is called once.
---@param options lofi.picker.Options
---@param cb fun(err?: lofi.Error, prompts?: lofi.picker.Prompt[])
function M.fetch_prompts(options, cb)
  M.fetch(options, function(err, tracks)
    if not tracks then
      cb(err, nil)
      return
    end
    require("lofi").prompts({ limit = MOST_ASKED, query = options.query }, function(problem, result)
      cb(problem, result and entries.prompts(tracks, result.prompts))
    end)
  end)
end

---@param name string
---@return boolean
local function installed(name)
  if name == "telescope" then
    return (pcall(require, "telescope"))
  end
  return _G.Snacks ~= nil and pcall(function()
    return _G.Snacks.picker.pick
  end)
end

--- The picker to use: "telescope", "snacks" or "select", which is always there.
---@return string
function M.backend()
  local wanted = require("lofi.config").get().picker
  if wanted ~= "auto" then
    if wanted == "select" or installed(wanted) then
      return wanted
    end
    require("lofi.notify").say(
      ("picker = %q: that plugin isn't installed; vim.ui.select is used"):format(wanted),
      vim.log.levels.WARN
    )
    return "select"
  end
  for _, name in ipairs({ "snacks", "telescope" }) do
    if installed(name) then
      return name
    end
  end
  return "select"
end

---@return { name: string, there: boolean }[] the pickers, those first that "auto" takes first
function M.list()
  return vim.tbl_map(function(name)
    return { name = name, there = name == "select" or installed(name) }
  end, { "snacks", "telescope", "select" })
end

---Neovim's own selection prints all its rows: those that a person may read.
---@generic T
---@param rows T[]
---@return T[]
local function printed(rows)
  local own = debug.getinfo(vim.ui.select, "S").source:find("vim/ui%.lua$")
  if not own or #rows <= PRINTED then
    return rows
  end
  local words = ("the first %d of %d; `:Lofi tracks WORDS` finds others"):format(PRINTED, #rows)
  require("lofi.notify").say(words)
  return vim.list_slice(rows, 1, PRINTED)
end

---@param tracks lofi.Track[]
local function select_track(tracks)
  local function row(track)
    return entries.track_choice(track, vim.o.columns - NUMBER_WIDTH - 1) -- the last column would wrap
  end
  local options = { prompt = "lofi tracks", kind = "lofi_track", format_item = row }
  vim.ui.select(printed(tracks), options, function(track)
    if not track then
      return
    end
    vim.ui.select(actions.of_a_track, {
      prompt = row(track),
      kind = "lofi_action",
      format_item = function(action)
        return action.words
      end,
    }, function(action)
      if action then
        vim.cmd.redraw() -- the list that Neovim's own selection leaves behind would ask for Enter
        action.run(track, function() end)
      end
    end)
  end)
end

---@param found lofi.picker.Prompt[]
local function select_prompt(found)
  local options = { prompt = "lofi prompts", kind = "lofi_prompt", format_item = entries.prompt_row }
  vim.ui.select(printed(found), options, function(entry)
    if entry then
      actions.generate(entry)
    end
  end)
end

---@param options lofi.picker.Options
---@return string why nothing is listed
local function none(options)
  local query = options.query or ""
  if query ~= "" then
    return ("no %s holds %q"):format(options.favourites and "favourite" or "track", query)
  end
  return options.favourites and "there are no favourites yet; `:Lofi fav` marks what plays"
    or "there are no tracks yet; `:Lofi PROMPT` makes one"
end

---@param backend string
---@param options lofi.picker.Options
---@param list string "tracks" or "prompts"
local function show(backend, options, list)
  if backend == "snacks" then
    require("lofi.picker.snacks")[list](options) -- it gets its rows itself
    return
  end
  local fetch = list == "tracks" and M.fetch or M.fetch_prompts
  fetch(options, function(err, rows)
    if err then
      require("lofi.notify").error(err)
    elseif #rows == 0 then
      require("lofi.notify").say(none(options))
    elseif backend == "telescope" then
      require("lofi.picker.telescope")[list](rows)
    elseif list == "tracks" then
      select_track(rows)
    else
      select_prompt(rows)
    end
  end)
end

--- List the tracks: play one, mark it, delete it, copy its id, or generate it again with a new seed.
---@param options? lofi.picker.Options
function M.tracks(options)
  show(M.backend(), options or {}, "tracks")
end

--- List the prompts, those used most first, to generate one of them again.
---@param options? lofi.picker.Options
function M.prompts(options)
  show(M.backend(), options or {}, "prompts")
end

return M
