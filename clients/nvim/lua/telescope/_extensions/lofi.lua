--- `:Telescope lofi tracks` and `:Telescope lofi prompts`.

---@param fetch string function of `lofi.picker` that gets the rows
---@param list string function of `lofi.picker.telescope` that shows them
---@return fun(options?: table)
local function listing(fetch, list)
  return function(options)
    options = options or {}
    require("lofi.picker")[fetch](
      options,
      require("lofi.notify").on_success(function(rows)
        require("lofi.picker.telescope")[list](rows, options)
      end)
    )
  end
end

local tracks = listing("fetch", "tracks")
local prompts = listing("fetch_prompts", "prompts")

return require("telescope").register_extension({
  exports = { lofi = tracks, tracks = tracks, prompts = prompts },
})
