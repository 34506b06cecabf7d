--- Options: their defaults, the checks, and where they come from (`setup`, else `vim.g.lofi`).
local M = {}

---@class lofi.Config
---@field broker lofi.config.Broker
---@field generate lofi.config.Generate
---@field progress lofi.config.Progress
---@field statusline lofi.config.Statusline
---@field play_on_complete boolean play each track that this editor asked for as soon as it is there
---@field play_at_once boolean play each track that this editor asked for while it is being made
---@field picker "auto"|"select"|"telescope"|"snacks"

---@class lofi.config.Broker
---@field cmd string|string[]|nil the program, with its arguments; nil: it is looked for
---@field env table<string, string> added to the broker's environment
---@field max_restarts integer tries after a crash, 0 … 20

---@class lofi.config.Generate what `generate` asks for where the call says nothing else; nil: the model's own
---@field duration_sec integer 5 … 120, or more where the broker's settings allow it
---@field model string?
---@field format "wav"|"flac"|"ogg"|"mp3"
---@field priority "normal"|"high"
---@field temperature number?
---@field top_k integer?
---@field top_p number?
---@field guidance_scale number?

---@class lofi.config.Progress
---@field enabled boolean
---@field backend "auto"|"native"|"fidget"|"notify"|"mini"|"echo"

---@class lofi.config.Statusline
---@field icons lofi.statusline.Icons
---@field prompt_width integer cells that a prompt may take

---@type lofi.Config
M.defaults = {
  broker = { cmd = nil, env = {}, max_restarts = 3 },
  generate = { duration_sec = 30, format = "wav", priority = "normal" },
  progress = { enabled = true, backend = "auto" },
  statusline = {
    icons = {
      generating = "♪",
      playing = "▶",
      paused = "‖",
      waiting = "◌",
      radio = "∞",
      downloading = "↓",
      ellipsis = "…",
    },
    prompt_width = 24,
  },
  play_on_complete = false,
  play_at_once = false,
  picker = "auto",
}

---@alias lofi.config.Check fun(value: any): string? what was expected, nil when the value is right

---@param name string
---@return lofi.config.Check
local function typed(name)
  return function(value)
    return type(value) ~= name and ("a %s"):format(name) or nil
  end
end

---@param low number
---@param high number
---@param whole boolean
---@return lofi.config.Check
local function between(low, high, whole)
  return function(value)
    if type(value) == "number" and value >= low and value <= high and (not whole or value % 1 == 0) then
      return nil
    end
    return ("%s from %g to %g"):format(whole and "a whole number" or "a number", low, high)
  end
end

---@param values string[]
---@return lofi.config.Check
local function one_of(values)
  return function(value)
    if vim.list_contains(values, value) then
      return nil
    end
    return 'one of "' .. table.concat(values, '", "') .. '"'
  end
end

---@type lofi.config.Check
local function command(value)
  local words = type(value) == "table" and value or { value }
  if #words == 0 or not vim.islist(words) then
    return "a string or a list of strings"
  end
  for _, word in ipairs(words) do
    if type(word) ~= "string" or word == "" then
      return "a string or a list of strings"
    end
  end
end

---@type lofi.config.Check
local function environment(value)
  if type(value) ~= "table" then
    return "a table of strings by name"
  end
  for name, text in pairs(value) do
    if type(name) ~= "string" or type(text) ~= "string" then
      return "a table of strings by name"
    end
  end
end

---Tables are sections, functions check a value.
M.schema = {
  broker = { cmd = command, env = environment, max_restarts = between(0, 20, true) },
  generate = {
    duration_sec = between(5, 3600, true),
    model = typed("string"),
    format = one_of({ "wav", "flac", "ogg", "mp3" }),
    priority = one_of({ "normal", "high" }),
    temperature = between(0, 10, false),
    top_k = between(0, 65536, true),
    top_p = between(0, 1, false),
    guidance_scale = between(0, 100, false),
  },
  progress = {
    enabled = typed("boolean"),
    backend = one_of({ "auto", "native", "fidget", "notify", "mini", "echo" }),
  },
  statusline = {
    icons = {
      generating = typed("string"),
      playing = typed("string"),
      paused = typed("string"),
      waiting = typed("string"),
      radio = typed("string"),
      downloading = typed("string"),
      ellipsis = typed("string"),
    },
    prompt_width = between(1, 200, true),
  },
  play_on_complete = typed("boolean"),
  play_at_once = typed("boolean"),
  picker = one_of({ "auto", "select", "telescope", "snacks" }),
}

---@param value any
---@return string
local function shown(value)
  if type(value) == "string" or type(value) == "table" then
    return vim.inspect(value, { newline = "", indent = "" })
  end
  return ("%s (%s)"):format(tostring(value), type(value))
end

---How many single edits lead from one word to another.
---@param a string
---@param b string
---@return integer
local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end

---@param name string
---@param known string[]
---@return string? nearest of the known names, if one is near
function M.nearest(name, known)
  local best, best_distance = nil, math.max(2, math.floor(#name / 3)) + 1
  for _, each in ipairs(known) do
    local far = distance(name:lower(), each)
    if far < best_distance then
      best, best_distance = each, far
    end
  end
  return best
end

---@param options any
---@param schema table
---@param path string of the section, with a trailing dot; "" at the top
---@param problems string[]
---@return table good the options that passed
local function checked(options, schema, path, problems)
  if type(options) ~= "table" then
    local where = path == "" and "the options" or path:sub(1, -2)
    problems[#problems + 1] = ("lofi: %s: expected a table, got %s"):format(where, shown(options))
    return {}
  end
  local good = {}
  local names = vim.tbl_keys(schema)
  table.sort(names)
  local keys = vim.tbl_keys(options)
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  for _, key in ipairs(keys) do
    local value = options[key]
    local rule = schema[key]
    local where = path .. tostring(key)
    if rule == nil then
      local near = type(key) == "string" and M.nearest(key, names)
      local hint = near and ("did you mean %s%s?"):format(path, near)
        or ("there are %s"):format(table.concat(names, ", "))
      problems[#problems + 1] = ("lofi: %s: there is no such option; %s"):format(where, hint)
    elseif type(rule) == "table" then
      good[key] = checked(value, rule, where .. ".", problems)
    else
      local expected = rule(value)
      if expected then
        problems[#problems + 1] = ("lofi: %s: expected %s, got %s"):format(where, expected, shown(value))
      else
        good[key] = value
      end
    end
  end
  return good
end

---What is wrong with options, and the defaults overridden by those that are right.
---@param options any
---@return lofi.Config config
---@return string[] problems a line each, naming the option's path and what was expected
function M.check(options)
  local problems = {}
  local good = checked(options, M.schema, "", problems)
  return vim.tbl_deep_extend("force", M.defaults, good), problems
end

---The defaults overridden by `options`. Raises an error that names every wrong one.
---@param options table
---@return lofi.Config
function M.merge(options)
  local config, problems = M.check(options)
  if #problems > 0 then
    error(table.concat(problems, "\n"), 0)
  end
  return config
end

---@type lofi.Config?
local current
---@type string?
local problem

---Use these options from now on. Raises an error that names every wrong one; then nothing has changed.
---@param options table
function M.set(options)
  current, problem = M.merge(options), nil
end

---The options in use. Without `set` those of `vim.g.lofi`, whose wrong ones are told once and left out.
---@return lofi.Config
function M.get()
  if current == nil then
    local problems
    current, problems = M.check(vim.g.lofi == nil and {} or vim.g.lofi)
    if #problems > 0 then
      problem = table.concat(problems, "\n")
      vim.notify(problem .. "\n(in vim.g.lofi; the default is used)", vim.log.levels.ERROR)
    end
  end
  return current
end

---What was wrong with `vim.g.lofi`, in words.
---@return string?
function M.problem()
  M.get()
  return problem
end

return M
