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

---With a bang they are favourites no longer.
function M.subcommands.fav(parsed, call)
  local actions = require("lofi.picker.actions")
  require("lofi.known").each(parsed.words, function(track_id)
    require("lofi").favourite(track_id, not call.bang, on_success(actions.tell_favourite))
  end)
end

function M.subcommands.tag(parsed)
  local actions = require("lofi.picker.actions")
  local first = parse.is_id(parsed.words[1]) and 1 or 0
  local tags = parse.tags(vim.list_slice(parsed.words, first + 1))
  require("lofi.known").each(vim.list_slice(parsed.words, 1, first), function(track_id)
    require("lofi").tag(track_id, tags, on_success(actions.tell_tags))
  end)
end

function M.subcommands.import(parsed)
  if parsed.text == "" then
    notify.error({ message = "import: expected the path of a WAV, FLAC, OGG or MP3 file" })
    return
  end
  local function imported(result)
    local prompt = require("lofi.words").short(result.track.prompt, 30)
    notify.say((result.duplicate and "%s is in the library already" or "%s is in the library"):format(prompt))
  end
  require("lofi").import_track(vim.fn.fnamemodify(vim.fn.expand(parsed.text), ":p"), on_success(imported))
end

return M
