--- Ids and names for completion, which must not wait: what was known last, refreshed behind its back. And
--- the ids that are meant by their beginnings, which are asked for.
local M = {}

local ID_CHARS = 16
local LEAST_CHARS = 4
local SHOWN = 3
local INVALID_TRACK_ID = -32009

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
  tags = {
    names = {},
    fetch = function(done)
      require("lofi").tracks({ limit = MOST }, function(_, result)
        done(result and M.tags_of(result.tracks))
      end)
    end,
  },
  devices = {
    names = {},
    fetch = function(done)
      require("lofi").devices(function(_, result)
        done(result and vim.list_extend(
          { "default" },
          vim.tbl_map(function(device)
            return device.name
          end, result.devices)
        ))
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

---@param tracks lofi.Track[]
---@return string[] their tags, sorted
function M.tags_of(tracks)
  local found = {}
  for _, track in ipairs(tracks) do
    for _, tag in ipairs(track.tags or {}) do
      found[tag] = true
    end
  end
  local tags = vim.tbl_keys(found)
  table.sort(tags)
  return tags
end

---Ids of tracks, newest first, or names: those of the last time; they are asked for anew.
---@param list "tracks"|"models"|"tags"|"devices"
---@return string[]
function M.names(list)
  refresh(lists[list])
  return lists[list].names
end

---@param lead string the beginning of a path
---@return string[]
function M.files(lead)
  return vim.fn.getcompletion(lead, "file")
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

---@param beginning string
---@param ids string[]
---@param where string the command that lists them
---@return string? id the only one that begins so
---@return lofi.Error? err
local function only(beginning, ids, where)
  local message, recovery
  local found = vim.tbl_filter(function(id)
    return vim.startswith(id, beginning)
  end, ids)
  if #beginning < LEAST_CHARS then
    message = ("%q is too short for the beginning of an id"):format(beginning)
    recovery = ("Give at least %d characters; %s lists the tracks."):format(LEAST_CHARS, where)
  elseif #found == 1 then
    return found[1], nil
  elseif #found == 0 then
    message = ("no track of %s has an id that begins with %s"):format(where, beginning)
  else
    local more = #found > SHOWN and ", …" or ""
    local shown = table.concat(vim.list_slice(found, 1, SHOWN), ", ")
    message = ("%d ids of %s begin with %s: %s%s"):format(#found, where, beginning, shown, more)
    recovery = "Give more characters of the one that you mean."
  end
  return nil, require("lofi.rpc").error("INVALID_TRACK_ID", message, recovery, INVALID_TRACK_ID)
end

---The ids that are meant by whole ids or their beginnings, in order. Whole ids are taken as they are: the
---broker knows whether there are such tracks.
---@param typed string[]
---@param list "tracks"|"queue" where to look: among the tracks that are made or in the making, or the latter
---@param cb fun(err: lofi.Error?, ids: string[]?) called once, after the broker's answer where one is needed
function M.resolve(typed, list, cb)
  local whole = vim.iter(typed):all(function(text)
    return #text >= ID_CHARS
  end)
  if whole then
    cb(nil, typed)
    return
  end
  local function listed(err, tracks)
    if err then
      cb(err, nil)
      return
    end
    local ids, meant = {}, {}
    for _, track in ipairs(tracks) do
      ids[#ids + 1] = track.track_id
    end
    for _, id in ipairs(M.jobs()) do
      if not vim.list_contains(ids, id) then -- `queue_status` names one of those that are being made
        ids[#ids + 1] = id
      end
    end
    for _, text in ipairs(typed) do
      local id, problem = text, nil
      if #text < ID_CHARS then
        id, problem = only(text:lower(), ids, ("`:Lofi %s`"):format(list))
      end
      if problem then
        cb(problem, nil)
        return
      end
      meant[#meant + 1] = id
    end
    cb(nil, meant)
  end
  if list == "queue" then
    require("lofi").queue(function(err, queue)
      listed(err, queue and require("lofi.show").queue_rows(queue))
    end)
  else
    require("lofi").tracks({ limit = math.huge }, function(err, result)
      listed(err, result and result.tracks)
    end)
  end
end

---The library's newest track.
---@param cb fun(err: lofi.Error?, track_id: string?) called once, after the broker's answer
function M.newest(cb)
  require("lofi").tracks({ limit = 1 }, function(err, result)
    local track = result and result.tracks[1]
    local none = { "there are no tracks yet", "`:Lofi PROMPT` makes one.", INVALID_TRACK_ID }
    if not (err or track) then
      err = require("lofi.rpc").error("INVALID_TRACK_ID", unpack(none))
    end
    cb(err, track and track.track_id)
  end)
end

---The track that is meant where none is named: what plays, else the library's newest.
---@param cb fun(err: lofi.Error?, track_id: string?) called once, after the broker's answers
function M.meant(cb)
  require("lofi").playback(function(err, status)
    if err == nil and status.track_id then
      cb(nil, status.track_id)
    else
      M.newest(cb)
    end
  end)
end

---Do something with each of the tracks that are named by ids or their beginnings, else with the one that is
---meant; what is wrong with the names is told.
---@param typed string[]
---@param act fun(track_id: string)
function M.each(typed, act)
  local on_success = require("lofi.notify").on_success
  if #typed == 0 then
    M.meant(on_success(act))
    return
  end
  local function found(ids)
    vim.tbl_map(act, ids)
  end
  M.resolve(typed, "tracks", on_success(found))
end

return M
