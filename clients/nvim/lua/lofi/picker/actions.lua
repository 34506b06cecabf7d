--- What can be done with a track or a prompt of a list, whichever plugin shows the list.

local entries = require("lofi.picker.entries")
local words = require("lofi.words")

local M = {}

---@class lofi.picker.Action
---@field name string
---@field words string what a menu calls it
---@field key? string in pickers that have keys; the default one has none
---@field run fun(track: lofi.Track, gone: fun()) `gone` is called when the track is no more

---@param track lofi.Track
local function copy(track)
  vim.fn.setreg('"', track.track_id)
  if vim.fn.has("clipboard") == 1 then
    vim.fn.setreg("+", track.track_id)
  end
  require("lofi.notify").say(("%s is copied"):format(track.track_id))
end

---@param track lofi.Track
---@param gone fun()
local function delete(track, gone)
  local yes, no = "Delete it", "Keep it"
  local prompt = words.short(track.prompt, 30)
  local question = ("Delete %s (%s, seed %d)?"):format(entries.short_id(track), prompt, track.seed)
  vim.ui.select({ no, yes }, { prompt = question }, function(choice)
    if choice ~= yes then
      return
    end
    require("lofi").delete(track.track_id, function(err)
      if err then
        require("lofi.notify").error(err)
        return
      end
      require("lofi.preview").forget(track.track_id)
      gone()
      require("lofi.notify").say(("%s is deleted"):format(track.track_id))
    end)
  end)
end

---@type lofi.picker.Action[]
M.of_a_track = {
  {
    name = "play",
    words = "Play",
    run = function(track)
      require("lofi").play({ track.track_id })
    end,
  },
  {
    name = "again",
    words = "Generate again with a new seed",
    key = "<C-g>",
    run = function(track)
      require("lofi").generate(entries.again(track))
    end,
  },
  { name = "copy", words = "Copy the id", key = "<C-y>", run = copy },
  { name = "delete", words = "Delete", key = "<C-d>", run = delete },
}

--- Generate a prompt of the library again, with the settings of its newest track and a new seed.
---@param entry lofi.picker.Prompt
function M.generate(entry)
  require("lofi").generate(entries.again(entry.track))
end

return M
