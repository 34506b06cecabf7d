--- `nvim_echo` of Neovim 0.12, as its documentation has it: progress messages with an id.

local KEYS = { kind = true, source = true, id = true, title = true, status = true, percent = true }
local STATUS = { running = true, success = true, failed = true, cancel = true }

local has = vim.fn.has
vim.fn.has = function(feature)
  return feature == "nvim-0.12" and 1 or has(feature)
end

local last = 0

---@diagnostic disable-next-line: duplicate-set-field
vim.api.nvim_echo = function(chunks, history, options)
  if _G.silent then
    return -1
  end
  assert(options.id ~= -1)
  for key in pairs(options) do
    assert(KEYS[key], "invalid key: " .. key)
  end
  assert(options.kind == "progress" and options.source and options.title)
  assert(STATUS[options.status], "invalid status")
  assert(options.percent == nil or (options.percent >= 0 and options.percent <= 100))
  _G.record({ chunks[1][1], options.status, options.percent, options.id or 0, history })
  last = options.id or last + 1
  return last
end
