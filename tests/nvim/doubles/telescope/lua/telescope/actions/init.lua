local double = require("telescope.double")

local M = { select_default = {} }

function M.select_default:replace(run)
  double.picker.keys["<CR>"] = run
end

function M.close(prompt)
  assert(prompt == double.prompt)
  double.closed = double.closed + 1
  vim.api.nvim_buf_delete(prompt, { force = true })
end

return M
