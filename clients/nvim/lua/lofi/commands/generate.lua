--- `:Lofi generate`: tracks are asked for.
local parse = require("lofi.parse")
local notify = require("lofi.notify")

local M = {}

---@param err lofi.Error?
---@param result any
---@param retry fun() to be done again once the model is there
local function generated(err, result, retry)
  if err and err.name == "DOWNLOAD_CONSENT_REQUIRED" then
    require("lofi.models").offer(err, retry)
  elseif err then
    notify.error(err)
  elseif result.status == "complete" then
    notify.say(("made before: %s"):format(result.path))
  elseif result.position and result.position > 0 then
    notify.say(("%d before it"):format(result.position))
  end
end

---@param params lofi.GenerateOptions
local function generate(params)
  require("lofi").generate(params, function(err, result)
    generated(err, result, function()
      generate(params)
    end)
  end)
end

---@param options table
local function again(options)
  require("lofi").again(options, function(err, result)
    generated(err, result, function()
      again(options)
    end)
  end)
end

---Ask for a prompt, and make it.
---@param options table? of `generate`, where the answer says nothing else
function M.ask_for_prompt(options)
  vim.ui.input({ prompt = "Prompt: " }, function(text)
    if text == nil or not text:find("%S") then
      return
    end
    local parsed = parse.parse("generate " .. text)
    if parsed.problem then
      notify.error({ message = parsed.problem })
      return
    end
    local wanted = vim.tbl_extend("force", options or {}, parsed.options)
    if parsed.prompt == "" then
      M.ask_for_prompt(wanted)
    else
      generate(vim.tbl_extend("force", wanted, { prompt = parsed.prompt }))
    end
  end)
end

---What was selected, or the lines of the range.
---@param call {range: integer, line1: integer, line2: integer}
---@return string
local function selection(call)
  if call.range == 0 then
    return ""
  end
  local from, to = vim.fn.getpos("'<"), vim.fn.getpos("'>")
  local lines
  if call.range == 2 and from[2] == call.line1 and to[2] == call.line2 then
    lines = vim.fn.getregion(from, to, { type = vim.fn.visualmode() })
  else
    lines = vim.api.nvim_buf_get_lines(0, call.line1 - 1, call.line2, false)
  end
  return vim.trim((table.concat(lines, " "):gsub("%s+", " ")))
end

---@type table<string, lofi.Subcommand>
M.subcommands = {}

function M.subcommands.generate(parsed, call)
  local text = vim.trim(selection(call) .. " " .. parsed.prompt)
  if text ~= "" then
    generate(vim.tbl_extend("force", parsed.options, { prompt = text }))
  elseif call.bang then
    again(parsed.options)
  elseif call.range > 0 then
    notify.error({ message = "the selection is empty", recovery = "Select the words of a prompt." })
  else
    M.ask_for_prompt(parsed.options)
  end
end

---Make a track that begins as another one does and goes on where it ends. Without an id, as what plays does.
function M.subcommands.continue(parsed)
  local function continue(track_id)
    local prompt = parsed.prompt ~= "" and parsed.prompt or nil
    generate(vim.tbl_extend("force", parsed.options, { continue_from = track_id, prompt = prompt }))
  end
  require("lofi.known").each(parsed.words, continue)
end

return M
