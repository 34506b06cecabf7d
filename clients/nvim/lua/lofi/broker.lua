--- The broker's process: started on first use, greeted, started again after a crash, told goodbye.
local events = require("lofi.events")
local rpc = require("lofi.rpc")

local M = {}

---@alias lofi.broker.Phase
---| "down" nothing runs; a request starts it
---| "starting" runs, has not answered the greeting
---| "ready"
---| "resting" ended, will be started again in a moment

local TURN_BYTES = 32 * 1024
local GREETING_MS = 20000
local STEADY_MS = 30000
local BACKOFF_MS = 250
local KILL_MS = 3000
local STDERR_LINES = 20
local LINE_CHARS = 300
local EXIT_USAGE = 2

---@class lofi.broker.Run one process from its start to its end
---@field process vim.SystemObj
---@field rpc lofi.Rpc
---@field command string[]
---@field stderr string[] its last lines
---@field ready_at integer? ms, when it answered the greeting
---@field fatal lofi.Error? why it was ended; another start would not help
---@field broken lofi.Error? why it was ended; another start may help
---@field leaving boolean it was told to go

---@type lofi.broker.Phase
local phase = "down"
---@type lofi.broker.Run?
local run
---@type {method: string, params: table?, cb: lofi.Callback}[]
local waiting = {}
local restarts = 0
---@type table<string, true>
local capabilities = {}
---@type uv.uv_timer_t?
local rest_timer
local says_goodbye = false
---@type string[]
local last_words = {}

---@return lofi.broker.Phase
function M.phase()
  return phase
end

---@param method string
---@return boolean whether the connected broker knows it
function M.knows(method)
  return capabilities[method] == true
end

---The last lines that the broker wrote to stderr, whether or not it still runs.
---@return string[]
function M.stderr()
  return run and run.stderr or last_words
end

---The command that starts the broker, without `--stdio`.
---@return string[]? command
---@return string? problem in words, where there is none
function M.find()
  return require("lofi.find").broker(require("lofi.config").get().broker.cmd)
end

---@param err lofi.Error
local function fail_waiting(err)
  local failed = waiting
  waiting = {}
  for _, request in ipairs(failed) do
    request.cb(err, nil)
  end
end

---@param this lofi.broker.Run
local function stop(this)
  this.leaving = true
  this.process:write(nil)
  vim.defer_fn(function()
    if not this.process:is_closing() then
      this.process:kill("sigkill")
    end
  end, KILL_MS)
end

---@param line string
---@return string
local function cut(line)
  line = vim.trim(line:gsub("%c", " "))
  return #line > LINE_CHARS and vim.fn.strcharpart(line, 0, LINE_CHARS) .. "…" or line
end

---What the process said of its end: the broker names itself, others leave their last line.
---@param this lofi.broker.Run
---@param result vim.SystemCompleted
---@return lofi.Error
local function ending(this, result)
  if result.code == 0 and result.signal == 0 then
    return rpc.unavailable("the broker left in order", "The next command starts it again.")
  end
  local how = result.signal ~= 0 and ("was killed by signal %d"):format(result.signal)
    or ("ended with exit code %d"):format(result.code)
  local said, recovery
  for index, line in ipairs(this.stderr) do
    local own = line:match("^lofi%-broker: (.*)")
    if own then
      said, recovery = own, this.stderr[index + 1]
    end
  end
  if said == nil then
    said = this.stderr[#this.stderr]
    recovery = "`:Lofi log` shows more."
  end
  local words = said and said ~= "" and ("%s: %s"):format(how, said) or how
  return rpc.unavailable("the broker " .. words, recovery)
end

local start

---@param this lofi.broker.Run
---@param err lofi.Error
---@param lasting boolean another start would not help
local function over(this, err, lasting)
  local limit = require("lofi.config").get().broker.max_restarts
  if this.ready_at and vim.uv.now() - this.ready_at >= STEADY_MS then
    restarts = 0
  end
  local again = not lasting and not this.leaving and restarts < limit
  phase, run, last_words, capabilities = again and "resting" or "down", nil, this.stderr, {}
  this.rpc:fail_all(err)
  local told = vim.tbl_extend("force", err, { restarts = again })
  if this.leaving and not lasting then
    told = { restarts = false }
  end
  events.emit("disconnected", told)
  if not again then
    if #waiting > 0 and this.leaving and not lasting then
      start()
    else
      fail_waiting(err)
    end
    return
  end
  restarts = restarts + 1
  local delay = BACKOFF_MS * 4 ^ (restarts - 1)
  events.emit("restart", { attempt = restarts, max = limit, delay_ms = delay, reason = err.message })
  rest_timer = vim.defer_fn(function()
    rest_timer = nil
    if phase == "resting" then
      start()
    end
  end, delay)
end

---@param this lofi.broker.Run
---@param result vim.SystemCompleted
local function exited(this, result)
  if run ~= this then
    return
  end
  if this.fatal then
    over(this, this.fatal, true)
  elseif this.broken then
    over(this, this.broken, false)
  else
    local unasked = result.code == EXIT_USAGE or (result.code == 0 and result.signal == 0)
    over(this, ending(this, result), unasked and not this.leaving)
  end
end

---@param this lofi.broker.Run
---@param err lofi.Error
local function refuse(this, err)
  if not this.leaving then
    this.fatal = err
    stop(this)
  end
end

---@param this lofi.broker.Run
---@param err lofi.Error?
---@param result any
local function greeted(this, err, result)
  if this.leaving or run ~= this then
    return
  end
  if err then
    local words = ("the broker refuses this plugin: %s"):format(err.message)
    refuse(this, rpc.unavailable(words, err.recovery))
    return
  end
  if type(result) ~= "table" or result.protocol ~= rpc.PROTOCOL then
    local spoken = type(result) == "table" and result.protocol
    local words = ("the broker speaks protocol %s, this plugin %d"):format(tostring(spoken), rpc.PROTOCOL)
    refuse(this, rpc.unavailable(words, "Install matching versions of lofi and of the plugin."))
    return
  end
  this.ready_at = vim.uv.now()
  phase = "ready"
  for _, method in ipairs(result.capabilities or {}) do
    capabilities[method] = true
  end
  local ready = waiting
  waiting = {}
  for _, request in ipairs(ready) do
    this.rpc:request(request.method, request.params, request.cb)
  end
  events.emit("connected", { version = result.version, protocol = result.protocol, pid = this.process.pid })
end

---Lines are decoded on the main loop, a portion per turn, so that the editor has its turn in between.
---@param this lofi.broker.Run
---@return fun() wake to be called after `feed`, in any context
local function reader(this)
  local awake = false
  local function turn()
    awake = false
    if this.rpc:handle(TURN_BYTES) and not awake then
      awake = true
      vim.defer_fn(turn, 1)
    end
  end
  return function()
    if not awake then
      awake = true
      vim.schedule(turn)
    end
  end
end

---@param this lofi.broker.Run
---@return fun(err: string?, data: string?)
local function stderr_reader(this)
  local rest = ""
  return function(_, data)
    local lines = vim.split(rest .. (data or "\n"), "\n", { plain = true })
    rest = table.remove(lines):sub(1, LINE_CHARS * 4)
    for _, line in ipairs(lines) do
      if line:find("%S") then
        table.insert(this.stderr, (line:sub(1, LINE_CHARS * 4)))
      end
    end
    while #this.stderr > STDERR_LINES do
      table.remove(this.stderr, 1)
    end
  end
end

---@param this lofi.broker.Run
---@param line string
local function garbage(this, line)
  if this.leaving or this.broken then
    return
  end
  local words = ("%s printed something that is not JSON: %s"):format(this.command[1], cut(line))
  local err = rpc.unavailable(words, "It has to be a lofi-broker: see broker.cmd.")
  if this.ready_at then
    this.broken = err
  else
    refuse(this, err)
  end
  this.process:kill("sigkill") -- it may print on for ever
end

local function say_goodbye_at_the_end()
  if says_goodbye then
    return
  end
  says_goodbye = true
  vim.api.nvim_create_autocmd("VimLeavePre", {
    group = vim.api.nvim_create_augroup("lofi_broker", {}),
    callback = M.stop,
  })
end

---@param err lofi.Error
local function cannot_start(err)
  phase, run = "down", nil
  events.emit("disconnected", vim.tbl_extend("force", err, { restarts = false }))
  fail_waiting(err)
end

function start()
  local config = require("lofi.config").get()
  local command, problem = M.find()
  if command == nil then
    cannot_start(rpc.unavailable(problem or "", require("lofi.find").install_words()))
    return
  end
  say_goodbye_at_the_end()
  ---@type lofi.broker.Run
  ---@diagnostic disable-next-line: missing-fields
  local this = { command = command, stderr = {}, leaving = false }
  this.rpc = rpc.new({
    write = function(line)
      this.process:write(line)
    end,
    on_notification = M.on_notification,
    on_garbage = function(line)
      garbage(this, line)
    end,
  })
  local wake = reader(this)
  local arguments = vim.list_extend(vim.list_slice(command), { "--stdio" })
  local ok, process = pcall(vim.system, arguments, {
    stdin = true,
    stdout = function(_, data)
      if data and not (this.fatal or this.broken) then
        this.rpc:feed(data)
      elseif not data then
        this.rpc:feed_end()
      end
      wake()
    end,
    stderr = stderr_reader(this),
    env = config.broker.env,
    detach = true, -- a signal from the terminal is for the editor: others may use this broker
  }, function(result)
    vim.schedule(function()
      while this.rpc:handle(TURN_BYTES) do -- its last words, before its end
      end
      exited(this, result)
    end)
  end)
  if not ok then
    cannot_start(rpc.unavailable(("%s can't be started: %s"):format(command[1], process)))
    return
  end
  this.process = process
  run, phase = this, "starting"
  local editor = ("nvim %s"):format(tostring(vim.version()))
  this.rpc:request("initialize", { client = editor, protocol = rpc.PROTOCOL }, function(err, result)
    greeted(this, err, result)
  end)
  vim.defer_fn(function()
    if run == this and phase == "starting" and not this.leaving then
      refuse(this, rpc.unavailable(("%s does not answer"):format(command[1]), "`lofi doctor` tells why."))
    end
  end, GREETING_MS)
end

---Called for every notification, on the main loop. Set by `lofi`.
---@param method string
---@param params table
function M.on_notification(method, params) end -- luacheck: ignore 212

---Ask the broker, starting it where none runs. `cb` is called once, on the main loop.
---@param method string
---@param params table?
---@param cb lofi.Callback
function M.request(method, params, cb)
  local scheduled = vim.schedule_wrap(cb)
  if phase == "ready" and run and not run.leaving then
    run.rpc:request(method, params, scheduled)
    return
  end
  table.insert(waiting, { method = method, params = params, cb = scheduled })
  if phase == "down" then
    start()
  end
end

---Say goodbye: the broker leaves, unless others use it.
function M.stop()
  if rest_timer then
    rest_timer:stop()
    rest_timer:close()
    rest_timer = nil
    phase = "down"
  end
  if run and not run.leaving then
    stop(run)
  end
  fail_waiting(rpc.unavailable("the broker was told to leave"))
end

---End this editor's process, if there is one, and start another.
---@param cb lofi.Callback? called when the new one has answered
function M.restart(cb)
  M.stop()
  restarts = 0
  M.request("status", nil, cb or function() end)
end

return M
