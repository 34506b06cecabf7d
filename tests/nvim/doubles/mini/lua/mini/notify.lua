--- As much of mini.notify as is used. As there, only an active notification can be updated.

local history, active = {}, {}

_G.MiniNotify = {}

function MiniNotify.add(message, level)
  assert(type(message) == "string" and vim.log.levels[level])
  local id = #history + 1
  history[id] = { msg = message, level = level }
  active[id] = history[id]
  _G.record({ "add", message, level })
  return id
end

function MiniNotify.update(id, data)
  assert(active[id], "`id` is not an identifier of active notification.")
  history[id] = vim.tbl_extend("force", history[id], data)
  _G.record({ "update", data.msg, data.level })
end

function MiniNotify.get(id)
  return vim.deepcopy(history[id])
end

function MiniNotify.remove(id)
  if active[id] then
    history[id].ts_remove = 1
    active[id] = nil
    _G.record({ "remove", history[id].msg })
  end
end

return MiniNotify
