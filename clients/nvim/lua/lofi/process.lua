--- One broker process: started, spoken to by lines, sent away. Others decide whether one follows.
local rpc = require("lofi.rpc")

local M = {}

local TURN_BYTES = 32 * 1024
local KILL_MS = 3000
local STDERR_LINES = 20
local LINE_CHARS = 300
local EXIT_USAGE = 2

---@class lofi.Ending
---@field err lofi.Error
---@field brief string how it ended, in a few words
---@field orderly boolean it left by itself, without an error
---@field lasting boolean the same would happen again

---@class lofi.process.Handlers all are called on the main loop
---@field on_notification fun(this: lofi.Process, method: string, params: table)
---@field on_garbage fun(this: lofi.Process, line: string) what it prints is not read any more
---@field on_exit fun(this: lofi.Process, ending: lofi.Ending) after everything it said

---@class lofi.Process
---@field pid integer
---@field command string[]
---@field stderr string[] its last lines
---@field leaving boolean it was told to go
---@field private system vim.SystemObj
---@field private rpc lofi.Rpc
local Process = {}
Process.__index = Process

---@param line string
---@return string
function M.cut(line)
  line = vim.fn.strtrans(vim.trim((line:gsub("%c", " "))))
  return vim.fn.strcharlen(line) > LINE_CHARS and vim.fn.strcharpart(line, 0, LINE_CHARS) .. "…" or line
end

---@param line string
---@return boolean whether it may say why the process ended: of a log, errors do
local function tells(line)
  local level = line:match("^time=%S+ level=(%l+) ")
  return level == nil or level == "error" or level == "critical"
end

---What the process said of its end: the broker names itself, others leave their last line.
---@param stderr string[]
---@param result {code: integer, signal: integer}
---@return lofi.Ending
function M.ending(stderr, result)
  if result.code == 0 and result.signal == 0 then
    local left = rpc.unavailable("the broker left in order", "The next command starts it again.")
    return { err = left, brief = left.message, orderly = true, lasting = true }
  end
  local how = result.signal ~= 0 and ("was killed by signal %d"):format(result.signal)
    or ("ended with exit code %d"):format(result.code)
  local said, recovery, last
  for index, line in ipairs(stderr) do
    local own = line:match("^lofi%-broker: (.*)")
    if own then
      said, recovery = own, stderr[index + 1]
    elseif recovery == nil and tells(line) then
      last = line
    end
  end
  if said == nil then
    said, recovery = last, "`:Lofi log` shows more."
  end
  local words = said and ("%s: %s"):format(how, M.cut(said)) or how
  return {
    err = rpc.unavailable("the broker " .. words, recovery),
    brief = "the broker " .. how,
    orderly = false,
    lasting = result.code == EXIT_USAGE,
  }
end

---Lines are decoded on the main loop, a portion per turn, so that the editor has its turn in between.
---@param this lofi.Process
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

---@param stderr string[]
---@return fun(err: string?, data: string?)
local function stderr_reader(stderr)
  local rest = ""
  return function(_, data)
    local lines = vim.split(rest .. (data or "\n"), "\n", { plain = true })
    rest = table.remove(lines):sub(1, LINE_CHARS * 4)
    for _, line in ipairs(lines) do
      if line:find("%S") then
        table.insert(stderr, (line:sub(1, LINE_CHARS * 4)))
      end
    end
    while #stderr > STDERR_LINES do
      table.remove(stderr, 1)
    end
  end
end

---Start `command --stdio`. Raises an error when it can't be started.
---@param command string[]
---@param env table<string, string>
---@param handlers lofi.process.Handlers
---@return lofi.Process
function M.start(command, env, handlers)
  local this = setmetatable({ command = command, stderr = {}, leaving = false }, Process)
  this.rpc = rpc.new({
    write = function(line)
      this.system:write(line)
    end,
    on_notification = function(method, params)
      handlers.on_notification(this, method, params)
    end,
    on_garbage = function(line)
      handlers.on_garbage(this, line)
    end,
    on_fault = function(reason)
      vim.notify("lofi: a message of the broker was not understood: " .. reason, vim.log.levels.ERROR)
    end,
  })
  local wake = reader(this)
  this.system = vim.system(vim.list_extend(vim.list_slice(command), { "--stdio" }), {
    stdin = true,
    stdout = function(_, data)
      if data then
        this.rpc:feed(data)
      else
        this.rpc:feed_end()
      end
      wake()
    end,
    stderr = stderr_reader(this.stderr),
    env = env,
    detach = true, -- signals of the terminal are for the editor: others may use this broker
  }, function(result)
    local function finish()
      if this.rpc:handle(TURN_BYTES) then -- its last words come before its end
        vim.defer_fn(finish, 1)
      else
        handlers.on_exit(this, M.ending(this.stderr, result))
      end
    end
    vim.schedule(finish)
  end)
  this.pid = this.system.pid
  return this
end

---@param method string
---@param params table?
---@param cb lofi.Callback
function Process:request(method, params, cb)
  self.rpc:request(method, params, cb)
end

---@param err lofi.Error
function Process:fail_all(err)
  self.rpc:fail_all(err)
end

---Say goodbye by the end of its input: a broker leaves then, unless others use it.
function Process:leave()
  if not self.leaving then
    self.leaving = true
    self.system:write(nil)
  end
end

---Say goodbye to what is no broker for us; if it stays, it is killed.
function Process:dismiss()
  self:leave()
  vim.defer_fn(function()
    self:kill()
  end, KILL_MS)
end

---End what has not become a broker for us, at once: the editor ends, and nothing can be waited for.
function Process:terminate()
  if not self.system:is_closing() then
    self.system:kill(self.leaving and "sigkill" or "sigterm")
  end
end

function Process:kill()
  if not self.system:is_closing() then
    self.system:kill("sigkill")
  end
end

return M
