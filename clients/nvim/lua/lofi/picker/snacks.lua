--- The lists in the picker of snacks.nvim, as sources that it can also open by name.

local actions = require("lofi.picker.actions")
local entries = require("lofi.picker.entries")
local preview = require("lofi.preview")

local M = {}

---@param rows table[]
---@param row fun(value: any): string
---@param track_of fun(value: any): lofi.Track?
---@return table[]
local function items(rows, row, track_of)
  return vim.tbl_map(function(value)
    return { text = row(value), value = value, track = track_of(value) }
  end, rows)
end

---@return fun(context: table)
local function previewer()
  local cancel = function() end
  return function(context)
    cancel()
    context.preview:reset()
    local track = context.item.track
    context.preview:set_title(track and track.track_id or "")
    local width = preview.width(context.win)
    cancel = preview.lines_of(track, width, function(lines)
      -- The picker may be gone, or at another item, by now.
      if context.preview.item == context.item and vim.api.nvim_buf_is_valid(context.buf) then
        context.preview:set_lines(lines)
        preview.highlight(context.buf, lines)
      end
    end)
  end
end

---@param fetch string function of `lofi.picker` that gets the rows
---@param to_items fun(rows: table[]): table[]
---@return fun(options: table, context: table): fun(cb: fun(item: table))
local function finder(fetch, to_items)
  return function(options, context)
    return function(cb)
      local answered, found = false, {}
      local wanted = { query = options.query, favourites = options.favourites }
      require("lofi.picker")[fetch](wanted, function(err, rows)
        answered, found = true, rows or {}
        if err then
          require("lofi.notify").error(err)
        end
        context.async:resume()
      end)
      if not answered then
        context.async:suspend()
      end
      for _, item in ipairs(to_items(found)) do
        cb(item)
      end
    end
  end
end

---@param item table
---@return table[]
local function format(item)
  local number, rest = item.text:match("^(%s*%d+ %S+)(.*)$")
  return { { number, "SnacksPickerComment" }, { rest } }
end

---@return table source
local function track_source()
  local handlers, keys = {}, {}
  for _, action in ipairs(actions.of_a_track) do
    local name = "lofi_" .. action.name
    handlers[name] = function(picker, item)
      if not item then
        return
      end
      if action.stays then
        action.run(item.track, function()
          if not picker.closed then
            picker:find()
          end
        end)
      else
        picker:close()
        action.run(item.track, function() end)
      end
    end
    if action.key then
      keys[action.key:lower()] = { name, mode = { "i", "n" }, desc = action.words }
    end
  end
  return {
    title = "lofi tracks",
    finder = finder("fetch", function(tracks)
      return items(tracks, entries.track_row, function(track)
        return track
      end)
    end),
    format = format,
    preview = previewer(),
    confirm = "lofi_play",
    actions = handlers,
    win = { input = { keys = keys } },
  }
end

---@return table source
local function prompt_source()
  return {
    title = "lofi prompts",
    finder = finder("fetch_prompts", function(prompts)
      return items(prompts, entries.prompt_row, function(entry)
        return entry.track
      end)
    end),
    format = format,
    preview = previewer(),
    confirm = function(picker, item)
      picker:close()
      if item then
        actions.generate(item.value)
      end
    end,
  }
end

--- Make the sources `lofi_tracks` and `lofi_prompts` known, so that `Snacks.picker.lofi_tracks()` works.
function M.register()
  local sources = Snacks.picker.sources
  sources.lofi_tracks = sources.lofi_tracks or track_source()
  sources.lofi_prompts = sources.lofi_prompts or prompt_source()
end

---@param options? lofi.picker.Options
function M.tracks(options)
  M.register()
  Snacks.picker.pick("lofi_tracks", options)
end

---@param options? lofi.picker.Options
function M.prompts(options)
  M.register()
  Snacks.picker.pick("lofi_prompts", options)
end

return M
