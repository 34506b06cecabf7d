--- `:Telescope lofi tracks` and `:Telescope lofi prompts`.

---@param show fun(tracks: lofi.Track[], options: table)
---@return fun(options?: table)
local function listing(show)
  return function(options)
    require("lofi.picker").fetch(options or {}, function(err, tracks)
      if err then
        require("lofi.notify").error(err)
      else
        show(tracks, options or {})
      end
    end)
  end
end

local tracks = listing(function(found, options)
  require("lofi.picker.telescope").tracks(found, options)
end)

local prompts = listing(function(found, options)
  require("lofi.picker.telescope").prompts(require("lofi.picker.entries").prompts(found), options)
end)

return require("telescope").register_extension({
  exports = { lofi = tracks, tracks = tracks, prompts = prompts },
})
