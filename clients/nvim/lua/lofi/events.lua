--- What happens, told to Lua functions (`on`) and to autocommands (`User Lofi…`).
local M = {}

---@alias lofi.Event
---| "start" a track is being made
---| "progress"
---| "complete"
---| "error" a track failed or was cancelled
---| "model" a model is loaded, unloaded, installed …
---| "download"
---| "queue" the number of waiting tracks changed
---| "playback"
---| "evicted" tracks were deleted for want of room
---| "radio" something about the radio changed
---| "worker" a worker was restarted
---| "connected"
---| "disconnected"
---| "restart" the broker is about to be started again

---@type table<string, string> event → name of its autocommand
M.AUTOCOMMANDS = {
  start = "LofiStart",
  progress = "LofiProgress",
  complete = "LofiComplete",
  error = "LofiError",
  model = "LofiModel",
  download = "LofiDownload",
  queue = "LofiQueue",
  playback = "LofiPlayback",
  evicted = "LofiEvicted",
  radio = "LofiRadio",
  worker = "LofiWorker",
  connected = "LofiConnected",
  disconnected = "LofiDisconnected",
  restart = "LofiRestart",
}

---@type table<string, fun(data: table)[]>
local listeners = {}

---Call `fn(data)` on the main loop for every such event.
---@param event lofi.Event
---@param fn fun(data: table)
---@return fun() unsubscribe
function M.on(event, fn)
  if M.AUTOCOMMANDS[event] == nil then
    local names = vim.tbl_keys(M.AUTOCOMMANDS)
    table.sort(names)
    error(("lofi: there is no event %q; there are %s"):format(tostring(event), table.concat(names, ", ")), 2)
  end
  listeners[event] = listeners[event] or {}
  table.insert(listeners[event], fn)
  return function()
    listeners[event] = vim.tbl_filter(function(each)
      return each ~= fn
    end, listeners[event])
  end
end

---@param event lofi.Event
---@param data table
local function tell(event, data)
  local function call(fn, ...)
    local ok, reason = xpcall(fn, debug.traceback, ...)
    if not ok then
      vim.notify(("lofi: a listener of %q failed: %s"):format(event, reason), vim.log.levels.ERROR)
    end
  end
  for _, fn in ipairs(vim.list_slice(listeners[event] or {})) do
    call(fn, data)
  end
  local options = { pattern = M.AUTOCOMMANDS[event], modeline = false, data = data }
  call(vim.api.nvim_exec_autocmds, "User", options)
end

---Apply an event, or an answer, to what is known; a change of the queue is told.
---@param what string
---@param data table
function M.learn(what, data)
  local state = require("lofi.state")
  local before = state.get().queue_length
  state.apply(what, data)
  local now = state.get().queue_length
  if now ~= before then
    tell("queue", { queue_length = now })
  end
end

---Tell everybody, when it is known already. A listener that fails is reported and stops no other.
---@param event lofi.Event
---@param data table
function M.emit(event, data)
  M.learn(event, data)
  tell(event, data)
end

return M
