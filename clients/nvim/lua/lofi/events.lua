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

---Tell everybody. A listener that fails is reported and stops no other.
---@param event lofi.Event
---@param data table
function M.emit(event, data)
  for _, fn in ipairs(vim.list_slice(listeners[event] or {})) do
    local ok, reason = xpcall(fn, debug.traceback, data)
    if not ok then
      vim.notify(("lofi: a listener of %q failed: %s"):format(event, reason), vim.log.levels.ERROR)
    end
  end
  vim.api.nvim_exec_autocmds("User", { pattern = M.AUTOCOMMANDS[event], modeline = false, data = data })
end

return M
