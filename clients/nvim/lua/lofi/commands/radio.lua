--- `:Lofi radio`: music that does not end.
local notify = require("lofi.notify")
local radio = require("lofi.radio")

local M = {}

local on_success = notify.on_success

---@param status table
---@param say fun(words: string)
local function tell_status(status, say)
  if status.state == "failed" then
    radio.tell_failed(status)
  else
    say(radio.in_words(status))
  end
end

local tell = on_success(function(status)
  tell_status(status, notify.echo)
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
    if status.state == "off" or status.state == "failed" then
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
      tell_status(status, notify.say)
    elseif status.state == "off" or status.state == "failed" or next(parsed.options) then
      start(options)
    elseif options.prompt then
      require("lofi").radio_prompt(options.prompt, tell)
    else
      notify.say(radio.in_words(status))
    end
  end))
end

return M
