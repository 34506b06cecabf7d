--- The broker of this editor: started on first use, greeted, started again after a crash.
local events = require("lofi.events")
local process = require("lofi.process")
local rpc = require("lofi.rpc")

local M = {}

---@alias lofi.broker.Phase
---| "down" nothing runs; a request starts it
---| "starting" runs, and has not answered the greeting
---| "ready"
---| "resting" ended or was left, and another one will be started in a moment

local GREETING_MS = 20000
local PATIENCE_MS = 1500
local STEADY_MS = 30000
local BACKOFF_MS = 250
local FAREWELL_MS = 1000

---@type lofi.broker.Phase
local phase = "down"
---@type lofi.Process?
local current
---@type integer? ms, when the current process answered the greeting
local ready_at
---@type {err: lofi.Error, lasting: boolean}? why the current process was ended by us
local verdict
---@type {method: string, params: table?, cb: lofi.Callback}[]
local waiting = {}
local restarts = 0
---@type table<string, true>
local capabilities = {}
---@type uv.uv_timer_t?
local rest_timer
---@type lofi.Process? the last one that was let go
local left
local says_goodbye = false
---@type string[]
local last_words = {}
---@type fun(method: string, params: table)
local listener = function() end

local start

---@param method string
---@return boolean whether the connected broker knows it
function M.knows(method)
  return capabilities[method] == true
end

---The last lines that the broker wrote to stderr, whether or not it still runs.
---@return string[]
function M.stderr()
  return current and current.stderr or last_words
end

---The command that starts the broker, without `--stdio`.
---@return string[]? command
---@return string? problem in words, where there is none
function M.find()
  return require("lofi.find").broker(require("lofi.config").get().broker.cmd)
end

---Call `fn(method, params)` on the main loop for every notification.
---@param fn fun(method: string, params: table)
function M.listen(fn)
  listener = fn
end

---@param err lofi.Error
local function fail_waiting(err)
  local failed = waiting
  waiting = {}
  for _, request in ipairs(failed) do
    request.cb(err, nil)
  end
end

---@param err lofi.Error
local function give_up(err)
  local told = vim.tbl_extend("force", err, { restarts = false, pending = #waiting })
  events.emit("disconnected", told)
  fail_waiting(err)
end

---Start another process, after a rest.
---@param delay_ms integer
local function start_later(delay_ms)
  phase = "resting"
  rest_timer = vim.defer_fn(function()
    rest_timer = nil
    start()
  end, delay_ms)
end

local function end_rest()
  if rest_timer then
    rest_timer:close()
    rest_timer, phase = nil, "down"
  end
end

---@param err lofi.Error
---@param limit integer
---@param brief string for a line that needs no key to be pressed: until one is, nothing would be started
local function rest(err, limit, brief)
  restarts = restarts + 1
  local delay = BACKOFF_MS * 4 ^ (restarts - 1)
  events.emit("disconnected", vim.tbl_extend("force", err, { restarts = true, pending = #waiting }))
  events.emit("restart", { attempt = restarts, max = limit, delay_ms = delay, reason = brief })
  start_later(delay)
end

---@param this lofi.Process
---@param ending lofi.Ending
local function exited(this, ending)
  if this ~= current then
    if this == left and rest_timer then
      end_rest()
      start()
    end
    return
  end
  local err, brief = ending.err, ending.brief
  if verdict then
    err, brief = verdict.err, verdict.err.message
  end
  local limit = require("lofi.config").get().broker.max_restarts
  if ready_at and vim.uv.now() - ready_at >= STEADY_MS then
    restarts = 0
  end
  local lasting = ending.lasting
  if verdict then
    lasting = verdict.lasting
  end
  current, ready_at, verdict, capabilities, last_words = nil, nil, nil, {}, this.stderr
  local restarting = not lasting and restarts < limit
  local fits = vim.fn.strdisplaywidth("lofi: " .. err.message) <= vim.v.echospace
  this:fail_all(restarting and rpc.unavailable(fits and err.message or brief) or err)
  if restarting then
    rest(err, limit, brief)
    return
  end
  phase = "down"
  if ending.orderly and #waiting == 0 then
    events.emit("disconnected", { restarts = false, pending = 0 })
  else
    give_up(err)
  end
end

---End a process that is no broker for us.
---@param this lofi.Process
---@param err lofi.Error
---@param lasting boolean another start would not help
local function refuse(this, err, lasting)
  if this == current and not this.leaving and verdict == nil then
    verdict = { err = err, lasting = lasting }
    this:dismiss()
  end
end

---@param this lofi.Process
---@param line string
local function garbage(this, line)
  local words = ("%s printed something that is not JSON: %s"):format(this.command[1], process.cut(line))
  refuse(this, rpc.unavailable(words, "It has to be a lofi-broker: see broker.cmd."), ready_at == nil)
  this:kill()
end

---@param this lofi.Process
---@param err lofi.Error?
---@param result any
local function greeted(this, err, result)
  if this ~= current or this.leaving then
    return
  end
  if err then
    local words = ("the broker refuses this plugin: %s"):format(err.message)
    refuse(this, rpc.unavailable(words, err.recovery), true)
    return
  end
  local spoken = type(result) == "table" and result.protocol
  if spoken ~= rpc.PROTOCOL then
    local words = ("the broker speaks protocol %s, this plugin %d"):format(tostring(spoken), rpc.PROTOCOL)
    local advice = "Bring lofi and the plugin to the same version: update both, install lofi again."
    refuse(this, rpc.unavailable(words, advice), true)
    return
  end
  phase, ready_at = "ready", vim.uv.now()
  for _, method in ipairs(result.capabilities or {}) do
    capabilities[method] = true
  end
  events.emit("connected", { version = result.version, protocol = result.protocol, pid = this.pid })
  local ready = waiting
  waiting = {}
  for _, request in ipairs(ready) do
    this:request(request.method, request.params, request.cb)
  end
end

local function say_goodbye_at_the_end()
  if says_goodbye then
    return
  end
  says_goodbye = true
  vim.api.nvim_create_autocmd("VimLeavePre", {
    group = vim.api.nvim_create_augroup("lofi_broker", {}),
    callback = function()
      if current and (phase == "starting" or verdict) then
        current:terminate()
      end
      M.stop()
    end,
  })
end

---@param err lofi.Error
local function cannot_start(err)
  phase = "down"
  give_up(err)
end

function start()
  phase = "starting"
  local command, problem = M.find()
  if command == nil then
    cannot_start(rpc.unavailable(problem or "", require("lofi.find").install_words()))
    return
  end
  say_goodbye_at_the_end()
  local env = require("lofi.config").get().broker.env
  local ok, this = pcall(process.start, command, env, {
    on_notification = function(this, method, params)
      if this == current then
        listener(method, params)
      end
    end,
    on_garbage = garbage,
    on_exit = exited,
  })
  if not ok then
    cannot_start(rpc.unavailable(("%s can't be started: %s"):format(command[1], this)))
    return
  end
  current = this
  local editor = ("nvim %s"):format(tostring(vim.version()))
  this:request("initialize", { client = editor, protocol = rpc.PROTOCOL }, function(err, result)
    greeted(this, err, result)
  end)
  vim.defer_fn(function()
    if this == current and phase == "starting" then
      require("lofi.notify").echo("the broker is starting…")
    end
  end, PATIENCE_MS)
  vim.defer_fn(function()
    if this == current and phase == "starting" then
      refuse(
        this,
        rpc.unavailable(("%s does not answer"):format(command[1]), "`lofi doctor` tells why."),
        true
      )
    end
  end, GREETING_MS)
end

---Ask the broker, starting it where none runs. `cb` is called once, on the main loop.
---@param method string
---@param params table?
---@param cb lofi.Callback
function M.request(method, params, cb)
  local scheduled = vim.schedule_wrap(cb)
  if phase == "ready" and current and not current.leaving then
    current:request(method, params, scheduled)
    return
  end
  table.insert(waiting, { method = method, params = params, cb = scheduled })
  if phase == "down" then
    start()
  end
end

---Say goodbye: the broker leaves, unless others use it. Its end is not waited for.
function M.stop()
  end_rest()
  local err = rpc.unavailable("the broker was told to leave")
  local this = current
  if this then
    phase, left = "down", this
    current, ready_at, verdict, capabilities, last_words = nil, nil, nil, {}, this.stderr
    this:leave()
    this:fail_all(err)
    events.emit("disconnected", { restarts = false, pending = 0 })
  end
  fail_waiting(err)
end

---Leave this editor's process, if there is one, and start another: a broker that nobody else uses has ended
---before that, one that others use gets a relay.
---@param cb lofi.Callback called when the new one has answered
function M.restart(cb)
  local had = current ~= nil
  M.stop()
  restarts = 0
  if had then
    start_later(FAREWELL_MS)
  end
  M.request("status", nil, cb)
end

return M
