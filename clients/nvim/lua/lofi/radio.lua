--- What is told of the radio when nobody has asked.
local notify = require("lofi.notify")
local words = require("lofi.words")

local M = {}

---What was told last, so that it is told once.
---@type string?
local said
---Whether it plays, and whether it did when its broker was lost.
local on, lost = false, false

---When this editor has last asked for something that ends a radio: it is not told of that.
local ordered_at = -math.huge
local OWN_MS = 2000
local ENDS = { play = true, stop = true, radio_stop = true }

---@param method string that this editor asks for
function M.asks(method)
  if ENDS[method] then
    ordered_at = vim.uv.now()
  end
end

---@param status table of a method about the radio
---@return string
function M.in_words(status)
  if status.state == "off" then
    return "the radio is off"
  elseif status.state == "failed" then
    return "the radio has failed: " .. (status.message or "see the log")
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

---It has failed: why, and what to do about it.
---@param status table
function M.tell_failed(status)
  notify.error({ message = M.in_words(status), recovery = status.recovery })
end

---@param status table of an event
local function tell(status)
  local message = status.message
  if status.state == "failed" then
    message = "failed: " .. (message or "")
  end
  if message ~= said and status.state == "failed" then
    M.tell_failed(status)
  elseif message and message ~= said and status.state ~= "off" then
    notify.echo(message)
  elseif message and status.state == "off" and vim.uv.now() - ordered_at > OWN_MS then
    notify.echo("the radio has ended: " .. message)
  end
  said = message
end

---Of an answer, an event, or a broker that was just reached: was a radio lost with the one before?
---@param status table
function M.learn(status)
  on = status.state ~= "off" and status.state ~= "failed"
  if lost and not on then
    notify.say("the radio has ended with its broker; `:Lofi radio` starts it", vim.log.levels.WARN)
  end
  lost = false
end

---Once: listen to what happens.
function M.attach()
  local events = require("lofi.events")
  events.on("radio", function(status)
    M.learn(status)
    tell(status)
  end)
  events.on("disconnected", function(data)
    lost, on = lost or (on and data.message ~= nil), false
  end)
end

return M
