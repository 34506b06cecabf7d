--- Lists that are about playing: sound devices, and what plays next.
local notify = require("lofi.notify")
local words = require("lofi.words")

local M = {}

local on_success = notify.on_success

---@param name string? nil: the default one
local function use(name)
  require("lofi").device(
    name,
    on_success(function(status)
      notify.say(("plays through %s"):format(status.device or "the default device"))
    end)
  )
end

---@param result table of `devices`
local function choose_device(result)
  local rows = { { words = "the default device, whichever it is", current = result.current == nil } }
  for _, device in ipairs(result.devices) do
    local default = device.default and " (the default one now)" or ""
    table.insert(rows, {
      name = device.name,
      words = device.name .. default,
      current = device.name == result.current,
    })
  end
  local options = {
    prompt = ("lofi device (%s)"):format(result.backend),
    kind = "lofi_device",
    format_item = function(row)
      return (row.current and "● " or "  ") .. row.words
    end,
  }
  vim.ui.select(rows, options, function(row)
    if row then
      use(row.name)
    end
  end)
end

---Choose a sound device.
---@param name string "": it is asked for; "default": the default one
function M.device(name)
  if name == "" then
    require("lofi").devices(on_success(choose_device))
  else
    use(name ~= "default" and name or nil)
  end
end

---@class lofi.playing.Action
---@field words string
---@field run fun(place: integer, item: table, current: integer?) places from 0

---@type lofi.playing.Action[]
local ACTIONS = {
  {
    words = "Play it next",
    run = function(place, item, current)
      local lofi = require("lofi")
      local after = (current or -1) + (current and place < current and 0 or 1)
      lofi.playlist_remove(
        place,
        on_success(function()
          lofi.playlist_add({ track_ids = { item.track_id }, index = after })
        end)
      )
    end,
  },
  {
    words = "Take it out of the list",
    run = function(place)
      require("lofi").playlist_remove(place)
    end,
  },
}

---@param item table
---@param mark string what stands before it
---@return string
local function row(item, mark)
  local prompt = item.prompt ~= "" and words.line(item.prompt) or item.track_id
  local state = item.state ~= "complete" and (" · %s"):format(item.state) or ""
  return ("%s %5s  %s%s"):format(mark, words.clock(item.duration_sec), prompt, state)
end

---The list that is played. An item that is chosen can be moved or taken out.
function M.list()
  require("lofi").playlist(
    { limit = math.huge },
    on_success(function(result)
      if #result.items == 0 then
        notify.say("the list is empty; `:Lofi add ID` and `:Lofi play ID` fill it")
        return
      end
      local icon = require("lofi.config").get().statusline.icons.playing
      local current = type(result.index) == "number" and result.index or nil
      local rows = {}
      for number, item in ipairs(result.items) do
        local mark = number - 1 == current and icon or (" "):rep(vim.fn.strdisplaywidth(icon))
        rows[number] = { item = item, place = number - 1, words = row(item, mark) }
      end
      local function words_of(each)
        return each.words
      end
      vim.ui.select(
        rows,
        { prompt = "lofi playlist", kind = "lofi_item", format_item = words_of },
        function(chosen)
          if not chosen then
            return
          end
          local first = chosen.place == current and 2 or 1 -- what plays can't be played next
          local options = { prompt = vim.trim(chosen.words), kind = "lofi_action", format_item = words_of }
          vim.ui.select(vim.list_slice(ACTIONS, first), options, function(action)
            if action then
              action.run(chosen.place, chosen.item, current)
            end
          end)
        end
      )
    end)
  )
end

return M
