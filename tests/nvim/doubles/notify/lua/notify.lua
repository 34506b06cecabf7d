--- As much of nvim-notify as is used. As there, a record that isn't shown any more can't be replaced.

local M = { open = {} }
local last = 0

function M.notify(message, level, options)
  local replaced = options.replace
  if replaced then
    assert(M.open[replaced.id], "No matching notification found to replace")
    M.open[replaced.id] = nil
  end
  last = last + 1
  local record = { id = last, message = { message }, level = level }
  M.open[last] = options
  _G.record({ replaced and "replace" or "new", message, level, options.timeout })
  return record
end

--- The user closes all that is shown.
function M.dismiss()
  for id, options in pairs(M.open) do
    M.open[id] = nil
    options.on_close(1000)
  end
end

return setmetatable(M, {
  __call = function(_, ...)
    return M.notify(...)
  end,
})
