--- What can be done with a track or a prompt of a list, whichever plugin shows the list.

local entries = require("lofi.picker.entries")
local words = require("lofi.words")

local M = {}

---@class lofi.picker.Action
---@field name string
---@field words string what a menu calls it
---@field key? string in pickers that have keys; the default one has none
---@field stays? boolean pickers stay open, and `after` is called
---@field run fun(track: lofi.Track, after: fun(now: lofi.Track?)) `after`: the track is so now, or is no more

---@param track lofi.Track
local function copy(track)
  vim.fn.setreg('"', track.track_id)
  if vim.fn.has("clipboard") == 1 then
    vim.fn.setreg("+", track.track_id)
  end
  require("lofi.notify").say(("%s is copied"):format(track.track_id))
end

---@param track lofi.Track
---@param after fun(now: lofi.Track?)
local function delete(track, after)
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
      after(nil)
      require("lofi.notify").say(("%s is deleted"):format(track.track_id))
    end)
  end)
end

---@param track lofi.Track
function M.tell_favourite(track)
  local told = track.favourite and "%s is a favourite" or "%s is no favourite any more"
  require("lofi.notify").say(told:format(words.short(track.prompt, 30)))
end

---@param track lofi.Track
function M.tell_tags(track)
  local tags = track.tags and "tags: " .. table.concat(track.tags, ", ") or "no tags"
  require("lofi.notify").say(("%s, %s"):format(words.short(track.prompt, 30), tags))
end

---@param tell fun(track: lofi.Track)
---@param after fun(now: lofi.Track?)
---@return lofi.Callback
local function changed(tell, after)
  return require("lofi.notify").on_success(function(track)
    require("lofi.preview").forget(track.track_id)
    after(track)
    tell(track)
  end)
end

---@param track lofi.Track
---@param after fun(now: lofi.Track?)
local function favourite(track, after)
  require("lofi").favourite(track.track_id, not track.favourite, changed(M.tell_favourite, after))
end

---@param track lofi.Track
---@param after fun(now: lofi.Track?)
local function tag(track, after)
  vim.ui.input({ prompt = "Tags, such as +calm -loud: " }, function(text)
    if text == nil or not text:find("%S") then
      return
    end
    local tags = require("lofi.parse").tags(vim.split(vim.trim(text), "%s+"))
    require("lofi").tag(track.track_id, tags, changed(M.tell_tags, after))
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
    name = "add",
    words = "Add to what plays",
    key = "<C-a>",
    run = function(track)
      require("lofi.commands.playback").add({ track.track_id })
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
  {
    name = "continue",
    words = "Let it go on",
    key = "<C-e>",
    run = function(track)
      require("lofi").generate({ continue_from = track.track_id })
    end,
  },
  { name = "favourite", words = "A favourite, or no longer", key = "<C-s>", stays = true, run = favourite },
  { name = "tag", words = "Tags", key = "<C-t>", stays = true, run = tag },
  { name = "copy", words = "Copy the id", key = "<C-y>", run = copy },
  { name = "delete", words = "Delete", key = "<C-d>", stays = true, run = delete },
}

--- Generate a prompt again, with the settings of its newest track, where there is one, and a new seed.
---@param entry lofi.picker.Prompt
function M.generate(entry)
  require("lofi").generate(entry.track and entries.again(entry.track) or { prompt = entry.prompt })
end

return M
