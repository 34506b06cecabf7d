--- JSON-RPC 2.0 as lines of text: frames, and requests that wait for their answers.
--- Knows no process and no editor; what it reads is handled in small portions, when the caller says so.
local M = {}

---The version of docs/protocol.md that this plugin speaks.
M.PROTOCOL = 1

---@class lofi.Error
---@field code integer number of docs/protocol.md's table
---@field name string for programs, such as QUEUE_FULL
---@field message string for people
---@field recovery string what the user can do next; may be empty
---@field details string may be empty

---@alias lofi.Callback fun(err: lofi.Error?, result: any)

---@class lofi.rpc.Handlers
---@field write fun(line: string) sends one line, newline included
---@field on_notification fun(method: string, params: table)
---@field on_garbage fun(line: string) a line that is no message; from then on nothing is read any more
---@field on_fault fun(reason: string) what was done with a message raised this error

---@class lofi.Rpc
---@field private handlers lofi.rpc.Handlers
---@field private pending table<integer, {method: string, cb: lofi.Callback}>
---@field private next_id integer
---@field private rest string[] pieces of a line whose end has not come
---@field private rest_bytes integer
---@field private lines string[]
---@field private first integer index of the first line that waits
---@field private deaf boolean what comes is no longer read
local Rpc = {}
Rpc.__index = Rpc

local MAX_LINE_BYTES = 8 * 1024 * 1024
local LINE_COST = 200 -- what a line takes beside its length, in bytes

---Notifications of which only the latest matters, and what tells one stream of them from another.
local LATEST =
  { generation_progress = "track_id", download_progress = "model", playback_position = "track_id" }

---@param name string
---@param message string
---@param recovery string?
---@param code integer?
---@return lofi.Error
function M.error(name, message, recovery, code)
  return { code = code or -32603, name = name, message = message, recovery = recovery or "", details = "" }
end

---The error of a request that no broker will answer.
---@param message string
---@param recovery string?
---@return lofi.Error
function M.unavailable(message, recovery)
  return M.error("BROKER_UNAVAILABLE", message, recovery, -32011)
end

---@param handlers lofi.rpc.Handlers
---@return lofi.Rpc
function M.new(handlers)
  return setmetatable({
    handlers = handlers,
    pending = {},
    next_id = 1,
    rest = {},
    rest_bytes = 0,
    lines = {},
    first = 1,
    deaf = false,
  }, Rpc)
end

---Send a request. `cb` is called exactly once: with the answer, or by `fail_all`.
---@param method string
---@param params table?
---@param cb lofi.Callback
function Rpc:request(method, params, cb)
  local message = { jsonrpc = "2.0", id = self.next_id, method = method }
  if params ~= nil and next(params) ~= nil then
    message.params = params
  end
  local ok, line = pcall(vim.json.encode, message)
  if not ok then
    cb(M.error("INVALID_PARAMS", ("%s: %s"):format(method, line), nil, -32602), nil)
    return
  end
  self.pending[self.next_id] = { method = method, cb = cb }
  self.next_id = self.next_id + 1
  self.handlers.write(line .. "\n")
end

---Take what has been read. Nothing is decoded before `handle`; may be called in a fast context.
---@param chunk string
function Rpc:feed(chunk)
  if self.deaf then
    return
  end
  local from = 1
  while true do
    local newline = chunk:find("\n", from, true)
    if newline == nil then
      break
    end
    self.rest[#self.rest + 1] = chunk:sub(from, newline - 1)
    self.lines[#self.lines + 1] = table.concat(self.rest)
    self.rest, self.rest_bytes = {}, 0
    from = newline + 1
  end
  if from <= #chunk then
    self.rest[#self.rest + 1] = chunk:sub(from)
    self.rest_bytes = self.rest_bytes + #chunk - from + 1
    if self.rest_bytes > MAX_LINE_BYTES then -- nothing that we would understand
      self.lines[#self.lines + 1] = table.concat(self.rest):sub(1, 200)
      self.rest, self.rest_bytes = {}, 0
    end
  end
end

---Take the end of the stream: what came without its newline is a line too.
function Rpc:feed_end()
  if self.rest_bytes > 0 then
    self:feed("\n")
  end
end

---Decode and deliver waiting lines, at least one, until `max_bytes` are exceeded.
---@param max_bytes integer
---@return boolean more whether lines are left
function Rpc:handle(max_bytes)
  local messages, latest, bytes = {}, {}, 0
  while self.first <= #self.lines and bytes <= max_bytes do
    local line = self.lines[self.first]
    self.first = self.first + 1
    bytes = bytes + #line + LINE_COST
    local message = self:decode(line)
    if message ~= nil then
      messages[#messages + 1] = message
      local key = message.params and LATEST[message.method]
      if key then
        latest[message.method .. ":" .. tostring(message.params[key])] = message
        message.stream = message.method .. ":" .. tostring(message.params[key])
      end
    end
  end
  if self.first > #self.lines then
    self.lines, self.first = {}, 1
  end
  for _, message in ipairs(messages) do
    if message.stream == nil or latest[message.stream] == message then
      local ok, reason = xpcall(self.deliver, debug.traceback, self, message)
      if not ok then -- the others are delivered all the same
        self.handlers.on_fault(tostring(reason))
      end
    end
  end
  return self.first <= #self.lines
end

---@private
---@param line string
---@return table?
function Rpc:decode(line)
  if not line:find("%S") then
    return nil
  end
  local ok, message = pcall(vim.json.decode, line, { luanil = { object = true, array = true } })
  if not ok or type(message) ~= "table" or message.jsonrpc ~= "2.0" then
    self.deaf = true
    self.lines, self.first, self.rest, self.rest_bytes = {}, 1, {}, 0
    self.handlers.on_garbage(line)
    return nil
  end
  return message
end

---@private
---@param message table
function Rpc:deliver(message)
  if type(message.method) == "string" then
    self.handlers.on_notification(message.method, message.params or {})
    return
  end
  local waiting = self.pending[message.id]
  if waiting == nil then
    return
  end
  self.pending[message.id] = nil
  if message.error == nil then
    waiting.cb(nil, message.result)
    return
  end
  local data = type(message.error.data) == "table" and message.error.data or {}
  waiting.cb({
    code = message.error.code,
    name = data.error_code or "INTERNAL_ERROR",
    message = message.error.message or "",
    recovery = data.recovery or "",
    details = data.details or "",
  }, nil)
end

---Answer everything that waits with this error: nobody else will.
---@param err lofi.Error
function Rpc:fail_all(err)
  local pending = self.pending
  self.pending = {}
  for _, waiting in pairs(pending) do
    waiting.cb(err, nil)
  end
end

return M
