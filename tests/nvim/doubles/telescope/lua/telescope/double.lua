--- What a test does with the picker that is open, in the place of a user.

local M = { picker = nil, selected = 1, closed = 0 }

---@return table the entries that are listed
function M.entries()
  local finder = M.picker.finder
  return vim.tbl_map(finder.entry_maker, finder.results)
end

--- Move to an entry; its preview is drawn.
function M.move(place)
  M.selected = place
  M.picker.previewer.define_preview({
    state = { bufnr = M.buffer, winid = vim.api.nvim_get_current_win() },
  }, M.entries()[place], {})
end

--- Press a key of the picker; "<CR>" is the default action.
function M.press(key)
  M.picker.keys[key](M.prompt)
end

return M
