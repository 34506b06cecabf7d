--- What can stand in the place of the last, perhaps unfinished, word behind `:Lofi`. Pure.
local parse = require("lofi.parse")

local M = {}

---@class lofi.Known what can be completed
---@field jobs fun(): string[] ids of tracks that are being made or wait
---@field files fun(lead: string): string[] paths
---@field names fun(list: "tracks"|"models"|"tags"|"devices"): string[]

---What subcommands that take a value may be given.
---@type table<string, string[]>
local VALUES = {
  crossfade = { "0", "2", "5" },
  loop = { "off", "track", "list" },
  playlist = { "clear" },
  seek = { "+10", "-10" },
  volume = { "+5", "-5" },
}

---@class lofi.completion.Place
---@field words string[] before the last one; the first is the subcommand
---@field lead string the last one
---@field known lofi.Known

---@type table<string, fun(place: lofi.completion.Place): string[]>
local kinds = {}

function kinds.tracks(place)
  return vim.list_extend(vim.list_slice(place.known.jobs()), place.known.names("tracks"))
end

function kinds.job(place)
  return #place.words == 1 and place.known.jobs() or {}
end

function kinds.model(place)
  return #place.words == 1 and place.known.names("models") or {}
end

function kinds.filter(place)
  return vim.list_extend({ "fav=yes" }, place.known.names("tags"))
end

function kinds.tag(place)
  local found = #place.words == 1 and vim.list_slice(place.known.names("tracks")) or {}
  for _, tag in ipairs(place.known.names("tags")) do
    vim.list_extend(found, { "+" .. tag, "-" .. tag })
  end
  return found
end

function kinds.value(place)
  return #place.words == 1 and VALUES[place.words[1]] or {}
end

function kinds.file(place)
  return #place.words == 1 and place.known.files(place.lead) or {}
end

---Names may have spaces: what makes them complete, from the last word on.
function kinds.device(place)
  local typed = table.concat(vim.list_extend(vim.list_slice(place.words, 2), { place.lead }), " ")
  local found = {}
  for _, name in ipairs(place.known.names("devices")) do
    if vim.startswith(name, typed) then
      table.insert(found, name:sub(#typed - #place.lead + 1))
    end
  end
  return found
end

---@param place lofi.completion.Place
---@param options table<string, string[]> and their values
---@return string[]
local function options_of(place, options)
  local key = place.lead:match("^(%l+)=")
  local values = key and (key == "model" and place.known.names("models") or options[key])
  local found = {}
  for _, value in ipairs(values or {}) do
    table.insert(found, key .. "=" .. value)
  end
  for name in vim.spairs(values and {} or options) do
    table.insert(found, name .. "=")
  end
  return found
end

function kinds.prompt(place)
  return options_of(place, parse.OPTIONS)
end

function kinds.radio(place)
  local words = #place.words == 1 and { "status", "stop" } or {}
  return vim.list_extend(words, options_of(place, parse.RADIO_OPTIONS))
end

function kinds.continue(place)
  local found = #place.words == 1 and vim.list_slice(place.known.names("tracks")) or {}
  return vim.list_extend(found, kinds.prompt(place))
end

function kinds.nothing()
  return {}
end

---@param arguments string everything behind the command's name, up to the cursor
---@param known lofi.Known
---@return string[]
function M.candidates(arguments, known)
  local before, lead = arguments:match("^%s*(.-)(%S*)$")
  local words = vim.split(vim.trim(before), "%s+", { trimempty = true })
  local found
  if #words == 0 then
    found = parse.names()
  else
    found = kinds[parse.SUBCOMMANDS[words[1]] or "prompt"]({ words = words, lead = lead, known = known })
  end
  return vim.tbl_filter(function(each)
    return vim.startswith(each, lead) and not vim.list_contains(words, each)
  end, found)
end

return M
