--- The ways in which an editor can show progress, by what is installed.
---
--- `show` gets what is new since the last time, at most once per `interval_ms`; each end comes exactly once.

local words = require("lofi.words")

local M = {}

local TITLE = "lofi"
local END_SHOWN_MS = 3000

---@class lofi.progress.Backend
---@field name string
---@field interval_ms integer
---@field on_cmdline? boolean writes where the user types commands, so it waits while one is typed
---@field show fun(items: lofi.progress.Item[])
---@field shows_failures? boolean the words of a failure too, so that nobody else has to

---@param item lofi.progress.Item
---@return boolean
local function over(item)
  return item.status ~= "running"
end

---@param item lofi.progress.Item
---@return string
local function line(item)
  if item.percent and not over(item) then
    return ("%d%% %s"):format(item.percent, item.message)
  end
  return item.message
end

--- Progress messages of Neovim 0.12 (`:help progress-message`).
---@return lofi.progress.Backend
local function native()
  local ids = {} ---@type table<string, integer|string>
  return {
    name = "native",
    interval_ms = 100,
    on_cmdline = true,
    show = function(items)
      for _, item in ipairs(items) do
        local text = item.status == "failed" and "failed" or item.message
        local options = { kind = "progress", source = TITLE, title = TITLE, status = item.status }
        options.id, options.percent = ids[item.id], item.percent
        local id = vim.api.nvim_echo({ { text } }, over(item) and item.status ~= "failed", options)
        ids[item.id] = not over(item) and id ~= -1 and id or nil -- -1: nothing was shown
      end
    end,
  }
end

---@return lofi.progress.Backend
local function fidget()
  local handles = {} ---@type table<string, table>
  return {
    name = "fidget",
    interval_ms = 100,
    show = function(items)
      for _, item in ipairs(items) do
        local handle = handles[item.id]
        local message = item.status == "failed" and "failed" or item.message
        if handle then
          handle:report({ message = message, percentage = item.percent })
        else
          handle = require("fidget.progress").handle.create({
            message = message,
            percentage = item.percent,
            lsp_client = { name = TITLE },
          })
        end
        handles[item.id] = handle
        if over(item) then
          handles[item.id] = nil
          if item.status ~= "success" then
            handle.percentage = nil -- else `finish` makes it 100 %
          end
          handle:finish()
        end
      end
    end,
  }
end

local LEVELS = { success = "INFO", running = "INFO", cancel = "WARN", failed = "ERROR" }

---@return lofi.progress.Backend
local function notify()
  local shown = {} ---@type table<string, { record?: table, closed?: boolean }>
  return {
    name = "notify",
    interval_ms = 200,
    shows_failures = true,
    show = function(items)
      for _, item in ipairs(items) do
        local mine = shown[item.id] or {}
        shown[item.id] = not over(item) and mine or nil
        -- One that the user has closed can't be replaced, and stays closed until the end.
        if not (mine.closed and not over(item)) then
          mine.record = require("notify").notify(
            table.concat({ line(item), item.recovery }, "\n"),
            vim.log.levels[LEVELS[item.status]],
            {
              title = TITLE,
              replace = not mine.closed and mine.record or nil,
              timeout = over(item) and END_SHOWN_MS or false,
              hide_from_history = not over(item),
              on_close = function()
                mine.closed = true
              end,
            }
          )
        end
      end
    end,
  }
end

---@return lofi.progress.Backend
local function mini()
  local ids = {} ---@type table<string, integer>
  return {
    name = "mini",
    interval_ms = 200,
    show = function(items)
      for _, item in ipairs(items) do
        local id = ids[item.id]
        local known = id and MiniNotify.get(id)
        ids[item.id] = nil
        if known and not known.ts_remove then
          MiniNotify.update(id, { msg = "lofi: " .. line(item), level = LEVELS[item.status] })
        elseif not id or over(item) then
          id = MiniNotify.add("lofi: " .. line(item), LEVELS[item.status])
        end
        if not over(item) then
          ids[item.id] = id
        elseif item.status == "failed" then
          MiniNotify.remove(id) -- vim.notify has the words
        else
          vim.defer_fn(function()
            MiniNotify.remove(id)
          end, END_SHOWN_MS)
        end
      end
    end,
  }
end

--- One line on the command line, never so long that Enter has to be pressed.
---@return lofi.progress.Backend
local function echo()
  return {
    name = "echo",
    interval_ms = 500,
    on_cmdline = true,
    show = function(items)
      local ends, rest = {}, {}
      for _, item in ipairs(items) do
        if item.status ~= "failed" then -- vim.notify has the words
          table.insert(over(item) and ends or rest, line(item))
        end
      end
      -- An end stands alone and in the history; what goes on will be told again.
      local parts = #ends > 0 and ends or rest
      if #parts > 0 then
        local text = words.short("lofi: " .. table.concat(parts, " | "), vim.v.echospace)
        vim.api.nvim_echo({ { text } }, #ends > 0, {})
      end
    end,
  }
end

---@return lofi.progress.Backend
function M.none()
  return { name = "none", interval_ms = 200, show = function() end }
end

---@param name string
---@param field string
---@return boolean
local function has(name, field)
  local there, module = pcall(require, name)
  return there and type(module) == "table" and module[field] ~= nil
end

---@type { name: string, needs: string, make: fun(): lofi.progress.Backend, there: fun(): boolean }[]
local ALL = {
  {
    name = "native",
    needs = "Neovim 0.12",
    make = native,
    there = function()
      return vim.fn.has("nvim-0.12") == 1
    end,
  },
  {
    name = "fidget",
    needs = "fidget.nvim",
    make = fidget,
    there = function()
      return has("fidget.progress", "handle")
    end,
  },
  {
    name = "notify",
    needs = "nvim-notify",
    make = notify,
    there = function()
      return has("notify", "notify")
    end,
  },
  {
    name = "mini",
    needs = "mini.notify, set up",
    make = mini,
    there = function()
      return _G.MiniNotify ~= nil
    end,
  },
  {
    name = "echo",
    needs = "nothing",
    make = echo,
    there = function()
      return true
    end,
  },
}

--- The backend that `wanted` names, or with "auto" the first that is there.
---@param wanted string
---@return lofi.progress.Backend
---@return string? problem when the wanted one is not there, and another takes its place
function M.choose(wanted)
  local problem
  for _, backend in ipairs(ALL) do
    if backend.name == wanted then
      if backend.there() then
        return backend.make()
      end
      problem = ("progress.backend = %q needs %s"):format(wanted, backend.needs)
    end
  end
  for _, backend in ipairs(ALL) do
    if backend.there() then
      return backend.make(), problem
    end
  end
  error("unreachable: echo is always there")
end

---@return { name: string, needs: string, there: boolean }[] all backends, in the order of "auto"
function M.list()
  return vim.tbl_map(function(backend)
    return { name = backend.name, needs = backend.needs, there = backend.there() }
  end, ALL)
end

return M
