--- As much of snacks.nvim's picker as is used, and what a test does with it in the place of a user.

local M = { items = {}, done = false, closed = false }

_G.Snacks = { picker = { sources = {} } }

local Picker = {}
Picker.__index = Picker

--- Run the finder as a task that can be suspended, as snacks does.
function Picker:find()
  M.items, M.done = {}, false
  local context = { picker = self, async = {} }
  local task
  function context.async.suspend()
    coroutine.yield()
  end
  function context.async.resume()
    vim.schedule(function()
      assert(coroutine.resume(task))
      M.done = coroutine.status(task) == "dead"
    end)
  end
  local find = self.source.finder(self.options, context)
  task = coroutine.create(function()
    find(function(item)
      table.insert(M.items, item)
    end)
  end)
  assert(coroutine.resume(task))
  M.done = coroutine.status(task) == "dead"
end

function Picker:close()
  self.closed = true
end

function Snacks.picker.pick(name, options)
  M.picker = setmetatable({ source = Snacks.picker.sources[name], options = options or {} }, Picker)
  M.picker:find()
end

---@return string[]
function M.rows()
  return vim.tbl_map(function(item)
    return table.concat(vim.tbl_map(function(chunk)
      return chunk[1]
    end, M.picker.source.format(item, M.picker)))
  end, M.items)
end

--- Move to an item; its preview is drawn.
function M.move(place)
  M.buffer = M.buffer or vim.api.nvim_create_buf(false, true)
  local preview = { item = M.items[place] }
  function preview.reset() end
  function preview.set_title() end
  function preview.set_lines(_, lines)
    vim.api.nvim_buf_set_lines(M.buffer, 0, -1, false, lines)
  end
  M.picker.source.preview({
    item = M.items[place],
    preview = preview,
    picker = M.picker,
    buf = M.buffer,
    win = vim.api.nvim_get_current_win(),
  })
  M.preview = preview
end

--- Run the action of a key; "<cr>" is the one that confirms.
function M.press(key, place)
  local source = M.picker.source
  local name = key == "<cr>" and source.confirm or source.win.input.keys[key][1]
  local action = type(name) == "function" and name or source.actions[name]
  action(M.picker, M.items[place])
end

return M
