--- Subcommands that are about the library.
local notify = require("lofi.notify")
local parse = require("lofi.parse")

local M = {}

local on_success = notify.on_success

---@type table<string, lofi.Subcommand>
M.subcommands = {}

function M.subcommands.tracks(parsed)
  require("lofi.picker").tracks(parse.filter(parsed.words))
end

function M.subcommands.prompts()
  require("lofi.picker").prompts({})
end

---Do something with the tracks that are named by ids or their beginnings, else with the one that is meant.
---@param named string[]
---@param act fun(track_id: string)
local function each(named, act)
  local known = require("lofi.known")
  if #named == 0 then
    known.meant(on_success(act))
  else
    known.resolve(
      named,
      "tracks",
      on_success(function(ids)
        vim.tbl_map(act, ids)
      end)
    )
  end
end

---With a bang they are favourites no longer.
function M.subcommands.fav(parsed, call)
  local actions = require("lofi.picker.actions")
  each(parsed.words, function(track_id)
    require("lofi").favourite(track_id, not call.bang, on_success(actions.tell_favourite))
  end)
end

function M.subcommands.tag(parsed)
  local actions = require("lofi.picker.actions")
  local first = parse.is_id(parsed.words[1]) and 1 or 0
  local tags = parse.tags(vim.list_slice(parsed.words, first + 1))
  each(vim.list_slice(parsed.words, 1, first), function(track_id)
    require("lofi").tag(track_id, tags, on_success(actions.tell_tags))
  end)
end

return M
