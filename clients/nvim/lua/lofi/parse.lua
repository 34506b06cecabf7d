--- What the words behind `:Lofi` mean. Pure.
local M = {}

---@alias lofi.Arguments
---| "prompt"|"continue"|"radio"|"job"|"filter"|"tag"|"tracks"|"model"|"device"|"file"|"value"|"nothing"

---Subcommands, and what stands behind them.
---@type table<string, lofi.Arguments>
M.SUBCOMMANDS = {
  add = "tracks",
  crossfade = "value",
  device = "device",
  generate = "prompt",
  queue = "nothing",
  cancel = "job",
  clear = "nothing",
  continue = "continue",
  fav = "tracks",
  import = "file",
  tag = "tag",
  tracks = "filter",
  prompts = "nothing",
  loop = "value",
  play = "tracks",
  playlist = "value",
  pause = "nothing",
  previous = "nothing",
  radio = "radio",
  resume = "nothing",
  seek = "value",
  stop = "nothing",
  next = "nothing",
  toggle = "nothing",
  volume = "value",
  models = "model",
  status = "nothing",
  log = "nothing",
  restart = "nothing",
}

---Options that may stand behind a prompt, as `name=value`, and the values that are known of each.
---@type table<string, string[]>
M.OPTIONS = {
  duration = {},
  seed = {},
  model = {},
  format = { "wav", "flac", "ogg", "mp3" },
  loop = { "yes", "no" },
  priority = { "normal", "high" },
}

---Options that may stand behind the radio's prompt.
---@type table<string, string[]>
M.RADIO_OPTIONS = {
  mode = { "playlist", "stream" },
  model = {},
  seed = {},
  strategy = { "same_prompt", "preset_cycle", "random_preset" },
}

---@class lofi.Parsed
---@field sub string
---@field words string[] arguments of the subcommand, except of `generate`; of `continue`, the id
---@field text string the same as one, "" where there are none; of `radio`, all of it
---@field prompt string of `generate`, `continue` and `radio`; "" where none was given
---@field options table of `generate`, `continue` and `radio`, by the names of the protocol
---@field problem string? why nothing can be done, in words

---@return string[] names, sorted
function M.names()
  local names = vim.tbl_keys(M.SUBCOMMANDS)
  table.sort(names)
  return names
end

---Whether a word is an id, or the beginning of one.
---@param word string?
---@return boolean
function M.is_id(word)
  return word ~= nil and #word <= 16 and word:find("^%x%x%x%x+$") ~= nil
end

---@param key string
---@param value string
---@param known table<string, string[]> options and their values
---@return integer|string|boolean|nil
---@return string? problem
local function option(key, value, known)
  if known[key] == nil then
    local names = vim.tbl_keys(known)
    table.sort(names)
    return nil, ("%s=%s: there is no such option; there are %s"):format(key, value, table.concat(names, ", "))
  elseif key == "seed" or key == "duration" then
    local problem = ("%s=%s: expected a whole number, 0 or more"):format(key, value)
    return tonumber(value:match("^%d+$")), problem
  elseif #known[key] > 0 and not vim.list_contains(known[key], value) then
    return nil, ("%s=%s: expected %s"):format(key, value, table.concat(known[key], " or "))
  elseif key == "loop" then
    return value == "yes"
  end
  return value
end

---@param word string
---@return string? key
---@return string value
local function as_option(word)
  local key, value = word:match("^(%l[%l_]*)=(%S+)$")
  return key, value
end

---Take options, and seconds, from the end of a prompt's words, and known options from their beginning.
---@param words string[]
---@param known table<string, string[]> options and their values
---@return string prompt
---@return table options
---@return string? problem
local function prompt_of(words, known)
  local options, first, last = {}, 1, #words
  local function take(key, value)
    local taken, problem = option(key, value, known)
    options[key == "duration" and "duration_sec" or key] = taken
    return taken == nil and problem or nil
  end
  while first <= last do
    local key, value = as_option(words[first])
    if known[key] == nil then
      break
    end
    local problem = take(key, value)
    if problem then
      return "", {}, problem
    end
    first = first + 1
  end
  while last >= first do
    local key, value = as_option(words[last])
    local seconds = known.duration and words[last]:match("^(%d%d?%d?)s?$")
    if key then
      local problem = take(key, value)
      if problem then
        return "", {}, problem
      end
    elseif seconds and options.duration_sec == nil then
      options.duration_sec = tonumber(seconds)
    else
      break
    end
    last = last - 1
  end
  local prompt = table.concat(words, " ", first, last)
  local quoted = prompt:match('^"(.*)"$') or prompt:match("^'(.*)'$")
  for at = first, quoted and 0 or last do
    if known[as_option(words[at])] then
      return "", {}, words[at] .. ": options stand before the prompt or behind it"
    end
  end
  return quoted or prompt, options
end

---Whether a word is a subcommand's name, mistyped, rather than a word of its own: two letters changed places,
---or, in names that are long enough to be like no other word, one is missing, too many, or wrong.
---@param word string
---@param name string
---@return boolean
local function is_slip(word, name)
  local at = 1
  while at <= #word and word:byte(at) == name:byte(at) do
    at = at + 1
  end
  if #word == #name then
    local swapped = word:sub(1, at - 1) .. word:sub(at + 1, at + 1) .. word:sub(at, at) .. word:sub(at + 2)
    return swapped == name or (#name >= 7 and word:sub(at + 1) == name:sub(at + 1))
  end
  local long, short = word, name
  if #word < #name then
    long, short = name, word
  end
  return #name >= 5 and #long == #short + 1 and long:sub(at + 1) == short:sub(at)
end

---@param word string
---@return string? subcommand that was meant
local function meant(word)
  for _, name in ipairs(M.names()) do
    if is_slip(word, name) then
      return name
    end
  end
end

---`:Lofi some words 20` generates; so does `:Lofi generate some words 20`. A lone word that is nearly a
---subcommand is taken for a slip, not for a prompt.
---@param arguments string everything behind the command's name
---@return lofi.Parsed
function M.parse(arguments)
  local words = vim.split(vim.trim(arguments), "%s+", { trimempty = true })
  local first = words[1]
  if first == nil then
    return { sub = "", words = {}, text = "", prompt = "", options = {} }
  end
  if first == "continue" or first == "radio" then
    local from = first == "continue" and M.is_id(words[2]) and 3 or 2
    local known = first == "radio" and M.RADIO_OPTIONS or M.OPTIONS
    local prompt, options, problem = prompt_of(vim.list_slice(words, from), known)
    local id, text = vim.list_slice(words, 2, from - 1), table.concat(words, " ", 2)
    return { sub = first, words = id, text = text, prompt = prompt, options = options, problem = problem }
  elseif M.SUBCOMMANDS[first] and first ~= "generate" then
    local rest = vim.list_slice(words, 2)
    local problem
    if M.SUBCOMMANDS[first] == "nothing" and #rest > 0 then
      problem = ('"%s" takes no words; `:Lofi generate %s` makes a track of them'):format(first, arguments)
    end
    local text = table.concat(rest, " ")
    return { sub = first, words = rest, text = text, prompt = "", options = {}, problem = problem }
  end
  local slip = #words == 1 and first ~= "generate" and meant(first)
  local prompt, options, problem =
    prompt_of(first == "generate" and vim.list_slice(words, 2) or words, M.OPTIONS)
  if slip then
    problem = ("did you mean `:Lofi %s`? `:Lofi generate %s` makes a track of it"):format(slip, first)
  end
  return { sub = "generate", words = {}, text = "", prompt = prompt, options = options, problem = problem }
end

---Tags that are given and taken away: "+late night -sad"; the first "+" may be left out.
---@param words string[]
---@return {add: string[], remove: string[]}
function M.tags(words)
  local found = { add = {}, remove = {} }
  local list
  for _, word in ipairs(words) do
    local sign, rest = word:match("^([+-])(.+)$")
    if sign or list == nil then
      list = sign == "-" and found.remove or found.add
      table.insert(list, rest or word)
    else
      list[#list] = list[#list] .. " " .. word
    end
  end
  return found
end

---What of a library is to be listed: "rain" or "fav=yes rain".
---@param words string[]
---@return lofi.TracksOptions
function M.filter(words)
  local rest = vim.tbl_filter(function(word)
    return word ~= "fav=yes"
  end, words)
  return { query = table.concat(rest, " "), favourites = #rest < #words or nil }
end

---A place in a track: "1:20", "1:00:05", "80", "80.5s"; with a sign before it, a step.
---@param text string
---@return ""|"+"|"-" sign
---@return number? seconds nil: it is none
function M.place(text)
  local sign, hours, minutes, seconds = text:match("^([+-]?)(%d+):([0-5]%d):([0-5]%d)$")
  if hours then
    return sign, tonumber(hours) * 3600 + tonumber(minutes) * 60 + tonumber(seconds)
  end
  sign, minutes, seconds = text:match("^([+-]?)(%d+):([0-5]%d)$")
  if minutes then
    return sign, tonumber(minutes) * 60 + tonumber(seconds)
  end
  sign, seconds = text:match("^([+-]?)(%d+%.?%d*)s?$")
  return sign or "", tonumber(seconds)
end

return M
