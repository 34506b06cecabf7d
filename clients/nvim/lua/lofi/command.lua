--- `:Lofi`: what each subcommand does.
local M = {}

local parse = require("lofi.parse")
local notify = require("lofi.notify")
local on_success = notify.on_success

---@alias lofi.Subcommand fun(parsed: lofi.Parsed, call: table)

---@type table<string, lofi.Subcommand>
local subcommands = vim.tbl_extend(
  "error",
  require("lofi.commands.generate").subcommands,
  require("lofi.commands.library").subcommands,
  require("lofi.commands.playback").subcommands,
  require("lofi.commands.radio").subcommands
)

subcommands[""] = function()
  require("lofi.show").status()
end

function subcommands.queue()
  require("lofi.show").queue()
end

function subcommands.cancel(parsed)
  local function cancel(track_id)
    local function answered(result)
      if result.status ~= "cancelled" then
        notify.say("too late: the track is finished")
      end
    end
    require("lofi").cancel(track_id, on_success(answered))
  end
  if parsed.words[1] then
    local function meant(ids)
      cancel(ids[1])
    end
    require("lofi.known").resolve({ parsed.words[1] }, "queue", on_success(meant))
  else
    require("lofi.show").choose_job("Cancel", cancel, true)
  end
end

function subcommands.clear()
  local function cleared(result)
    notify.say(("%d waiting tracks were cancelled"):format(result.cancelled))
  end
  require("lofi").clear_queue(on_success(cleared))
end

function subcommands.models(parsed)
  require("lofi.models").choose(parsed.words[1])
end

function subcommands.status()
  require("lofi.show").status()
end

function subcommands.log()
  require("lofi.show").log()
end

---With a bang the broker itself leaves, though others use it.
function subcommands.restart(_, call)
  local lofi = require("lofi")
  local function restart()
    lofi.restart(on_success(function()
      notify.say("the broker was started again")
    end))
  end
  if call.bang and require("lofi.state").get().connected then
    lofi.shutdown(restart)
  else
    restart()
  end
end

---@param call {args: string, bang: boolean, range: integer, line1: integer, line2: integer}
function M.run(call)
  local parsed = parse.parse(call.args)
  if parsed.sub == "" and (call.bang or call.range > 0) then
    parsed.sub = "generate"
  end
  if parsed.problem then
    notify.error({ message = parsed.problem })
    return
  end
  subcommands[parsed.sub](parsed, call)
end

---@param _ string
---@param line string
---@param position integer
---@return string[]
function M.complete(_, line, position)
  local arguments = line:sub(1, position):match("L%a*!?%s+(.*)$") or ""
  return require("lofi.completion").candidates(arguments, require("lofi.known"))
end

return M
