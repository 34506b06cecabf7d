--- As much of fidget.nvim's `fidget.progress` as is used: handles that keep what they are told.

local Handle = {}
Handle.__index = Handle

function Handle:__newindex(key, value)
  self.raw[key] = value
end

function Handle:report(properties)
  if self.done then
    return
  end
  for key, value in pairs(properties) do
    self.raw[key] = value
  end
  _G.record({ "report", self.raw.message, self.raw.percentage })
end

function Handle:finish()
  if self.done then
    return
  end
  rawset(self, "done", true)
  _G.record({ "finish", self.raw.message, self.raw.percentage and 100 })
end

function Handle:cancel()
  error("attempted to cancel non-cancellable progress")
end

return {
  handle = {
    create = function(message)
      assert(message.lsp_client.name == "lofi")
      _G.record({ "create", message.message, message.percentage })
      return setmetatable({ raw = vim.deepcopy(message), done = false }, Handle)
    end,
  },
}
