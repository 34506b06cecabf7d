--- Subcommands that are about playing.
local notify = require("lofi.notify")

local M = {}

local STEP_PERCENT = 5

---@param percent number? nil says what it is
---@param done fun()? called after the answer
local function volume(percent, done)
  require("lofi").volume(percent and percent / 100, function(err, result)
    if err then
      notify.error(err)
    else
      notify.say(("volume %d %%"):format(math.floor(result.volume * 100 + 0.5)))
    end
    if done then
      done()
    end
  end)
end

---Steps (percent) that no change has taken up yet: keys are pressed faster than the broker answers.
local steps, changing = 0, false

local function take_steps()
  if steps == 0 then
    changing = false
    return
  end
  changing = true
  require("lofi").volume(nil, function(err, result)
    local step = steps
    steps = 0
    if err then
      changing = false
      notify.error(err)
    else
      local wanted = math.floor(result.volume * 100 + 0.5) + step
      volume(math.max(0, math.min(100, wanted)), take_steps)
    end
  end)
end

---@param step integer percent
local function change_volume(step)
  steps = steps + step
  if not changing then
    take_steps()
  end
end

local played = notify.on_success(function(status)
  local words = "nothing plays"
  if status.state ~= "stopped" then
    local icons = require("lofi.config").get().statusline.icons
    local icon = status.state == "paused" and icons.paused or icons.playing
    local playing = require("lofi.state").get().playing
    local prompt = playing and playing.track_id == status.track_id and playing.prompt
    words = ("%s %s"):format(icon, prompt or status.track_id)
  end
  notify.echo(words)
end)

function M.play_pause()
  local playing = require("lofi.state").get().playing
  if playing and not playing.paused then
    require("lofi").pause(played)
  else
    require("lofi").play(nil, played)
  end
end

---@type table<string, lofi.Subcommand>
M.subcommands = {}

function M.subcommands.play(parsed)
  if #parsed.words == 0 then
    require("lofi").play(nil, played)
    return
  end
  local function meant(ids)
    require("lofi").play(ids, played)
  end
  require("lofi.known").resolve(parsed.words, "tracks", notify.on_success(meant))
end

function M.subcommands.pause()
  require("lofi").pause(played)
end

function M.subcommands.resume()
  require("lofi").resume(played)
end

function M.subcommands.stop()
  require("lofi").stop(played)
end

function M.subcommands.next()
  require("lofi").skip(played)
end

function M.subcommands.volume(parsed)
  local word = parsed.words[1]
  local sign, number = (word or ""):match("^([+-]?)(%d+)%%?$")
  if word == nil then
    volume()
  elseif #parsed.words > 1 or number == nil or tonumber(number) > 100 then
    local words = ("volume: expected a percentage from 0 to 100, or +%d, got %s"):format(
      STEP_PERCENT,
      table.concat(parsed.words, " ")
    )
    notify.error({ message = words })
  elseif sign == "" then
    volume(tonumber(number))
  else
    change_volume(tonumber(sign .. number))
  end
end

return M
