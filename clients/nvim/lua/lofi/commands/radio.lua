--- `:Lofi radio`: music that does not end.
local notify = require("lofi.notify")
local words = require("lofi.words")

local M = {}

local on_success = notify.on_success

---@param status table of a method about the radio
---@return string
function M.in_words(status)
  if status.state == "off" then
    return "the radio is off"
  end
  local parts = { ("the radio is %s"):format(status.state), words.line(status.prompt) }
  if status.next_prompt then
    table.insert(parts, "next: " .. words.line(status.next_prompt))
  end
  table.insert(parts, ("%s, %s ahead"):format(status.mode, words.span(status.ahead_sec)))
  for _, reason in ipairs({ status.polite or "", status.message or "" }) do
    if reason ~= "" then
      table.insert(parts, reason)
    end
  end
  return table.concat(parts, " · ")
end

local tell = on_success(function(status)
  notify.echo(M.in_words(status))
end)

---@param options lofi.RadioOptions
local function start(options)
  require("lofi").radio(options, function(err, status)
    if err and err.name == "DOWNLOAD_CONSENT_REQUIRED" then
      require("lofi.models").offer(err, function()
        start(options)
      end)
    else
      tell(err, status)
    end
  end)
end

local function stop()
  require("lofi").radio_stop(tell)
end

---Begin, or end what plays.
function M.toggle()
  require("lofi").radio_status(on_success(function(status)
    if status.state == "off" then
      start({})
    else
      stop()
    end
  end))
end

---@type table<string, lofi.Subcommand>
M.subcommands = {}

---While it plays a prompt is the next one, and nothing else tells about it; options begin it anew.
function M.subcommands.radio(parsed, call)
  if call.bang or parsed.text == "stop" then
    stop()
    return
  end
  require("lofi").radio_status(on_success(function(status)
    local options =
      vim.tbl_extend("force", parsed.options, { prompt = parsed.prompt ~= "" and parsed.prompt or nil })
    if parsed.text == "status" then
      notify.say(M.in_words(status))
    elseif status.state == "off" or status.state == "failed" or next(parsed.options) then
      start(options)
    elseif options.prompt then
      require("lofi").radio_prompt(options.prompt, tell)
    else
      notify.say(M.in_words(status))
    end
  end))
end

return M
