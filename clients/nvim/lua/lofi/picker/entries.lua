--- Tracks and prompts as rows of a list; shows nothing itself.

local words = require("lofi.words")

local M = {}

local ID_SHOWN = 4

---@class lofi.picker.Prompt
---@field prompt string
---@field count integer how many tracks of the library were made with it
---@field track? lofi.Track the newest of them

--- The distinct prompts of the library, those used most first, of equals the newest; then those that were
--- asked for and have no tracks.
---@param tracks lofi.Track[] newest first
---@param asked {prompt: string}[] the last one first
---@return lofi.picker.Prompt[]
function M.prompts(tracks, asked)
  local found, by_prompt = {}, {}
  for place, track in ipairs(tracks) do
    local known = by_prompt[track.prompt]
    if known then
      known.count = known.count + 1
    else
      known = { prompt = track.prompt, count = 1, track = track, place = place }
      by_prompt[track.prompt] = known
      found[#found + 1] = known
    end
  end
  table.sort(found, function(one, other)
    if one.count ~= other.count then
      return one.count > other.count
    end
    return one.place < other.place
  end)
  for _, each in ipairs(asked) do
    if not by_prompt[each.prompt] then
      found[#found + 1] = { prompt = each.prompt, count = 0 }
    end
  end
  return found
end

---@param track lofi.Track
---@return string
local function prompt_with_marks(track)
  local star = track.favourite and "★ " or ""
  local tags = track.tags and ("  [%s]"):format(table.concat(track.tags, ", ")) or ""
  return star .. words.short(track.prompt, 200) .. tags
end

---@param track lofi.Track
---@return string
function M.track_row(track)
  return ("%4d s  %s"):format(track.duration_sec, prompt_with_marks(track))
end

--- The beginning of a track's id, which commands take for the whole where no other begins so.
---@param track lofi.Track
---@return string
function M.short_id(track)
  return track.track_id:sub(1, ID_SHOWN)
end

--- A row where nothing beside it tells tracks of the same prompt apart; the seed where it fits.
---@param track lofi.Track
---@param width integer cells
---@return string
function M.track_choice(track, width)
  local row = ("%4d s  %s  %s"):format(track.duration_sec, M.short_id(track), prompt_with_marks(track))
  local with_seed = ("%s  (seed %d)"):format(row, track.seed)
  return vim.fn.strdisplaywidth(with_seed) <= width and with_seed or row
end

---@param tracks lofi.Track[]
---@param track_id string of the one that has changed
---@param now lofi.Track? nil: it is no more
---@return lofi.Track[]
function M.replaced(tracks, track_id, now)
  local found = {}
  for _, track in ipairs(tracks) do
    if track.track_id ~= track_id then
      found[#found + 1] = track
    elseif now then
      found[#found + 1] = now
    end
  end
  return found
end

---@param entry lofi.picker.Prompt
---@return string
function M.prompt_row(entry)
  return ("%4d ×  %s"):format(entry.count, words.short(entry.prompt, 200))
end

--- What `generate` needs for the same music with another seed.
---@param track lofi.Track
---@return table
function M.again(track)
  return {
    prompt = track.prompt,
    duration_sec = track.duration_sec,
    model = track.model_version,
    format = track.format,
    loop = track.loop,
    temperature = track.temperature,
    top_k = track.top_k,
    top_p = track.top_p,
    guidance_scale = track.guidance_scale,
  }
end

return M
