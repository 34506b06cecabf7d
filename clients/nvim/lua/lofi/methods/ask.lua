--- How the functions of `require("lofi")` ask. Loading it loads nothing that could start a broker.
local M = {}

local PAGE = 100

---@param method string
---@param params table?
---@param cb lofi.Callback? without it an error is told by `vim.notify`
---@param first fun(result: any)? called with the result before `cb`
function M.ask(method, params, cb, first)
  require("lofi.session").ask(method, params, cb, first)
end

---@param cb lofi.Callback?
---@param err lofi.Error?
---@param result any
function M.answer(cb, err, result)
  require("lofi.session").answer(cb, err, result)
end

---Ask for a long list in pages, so that no answer is large.
---@param method string whose params have `limit` and `offset`
---@param params table? the others, and `limit` (100) and `offset` (0) of the whole list
---@param list string field of the result that holds the items
---@param cb lofi.Callback? result: that of the last page, with all items
function M.pages(method, params, list, cb)
  params = params or {}
  local limit, from, found = params.limit or PAGE, params.offset or 0, {}
  local function page()
    local size = math.min(PAGE, limit - #found)
    local wanted = vim.tbl_extend("force", params, { limit = size, offset = from + #found })
    M.ask(method, wanted, function(err, result)
      if err then
        M.answer(cb, err, nil)
        return
      end
      local count = #result[list]
      vim.list_extend(found, result[list])
      if count == size and #found < limit then
        page()
      else
        result[list] = found
        M.answer(cb, nil, result)
      end
    end)
  end
  page()
end

return M
