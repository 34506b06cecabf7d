--- Ids and names for completion, which must not wait: what was known last, refreshed behind its back.
local M = {}

local FRESH_MS = 3000
local MOST = 200

---@class lofi.known.List
---@field names string[]
---@field asked_at integer? ms
---@field fetch fun(done: fun(names: string[]?)) nil: they could not be had

---@type table<string, lofi.known.List>
local lists = {
  tracks = {
    names = {},
    fetch = function(done)
      require("lofi").tracks({ limit = MOST }, function(_, result)
        done(result and vim.tbl_map(function(track)
          return track.track_id
        end, result.tracks))
      end)
    end,
  },
  models = {
    names = {},
    fetch = function(done)
      require("lofi").models(function(_, result)
        done(result and vim.tbl_map(function(model)
          return model.name
        end, result.models))
      end)
    end,
  },
}

---@param list lofi.known.List
local function refresh(list)
  local now = vim.uv.now()
  if list.asked_at and now - list.asked_at < FRESH_MS then
    return
  end
  list.asked_at = now
  list.fetch(function(names)
    list.names = names or list.names
  end)
end

---Ids of tracks, newest first: those of the last time; they are asked for anew.
---@return string[]
function M.tracks()
  refresh(lists.tracks)
  return lists.tracks.names
end

---Names of models: those of the last time; they are asked for anew.
---@return string[]
function M.models()
  refresh(lists.models)
  return lists.models.names
end

---Ids of tracks that are being made or wait, as far as the events told.
---@return string[]
function M.jobs()
  local state = require("lofi.state").get()
  local ids = {}
  for _, job in ipairs(state.jobs) do
    table.insert(ids, job.track_id)
  end
  return vim.list_extend(ids, state.pending)
end

return M
