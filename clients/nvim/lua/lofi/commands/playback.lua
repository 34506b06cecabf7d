--- Subcommands that are about playing.
local notify = require("lofi.notify")
local parse = require("lofi.parse")
local words = require("lofi.words")

local M = {}

local on_success = notify.on_success

local LOOPS = { off = "nothing is repeated", track = "the track is repeated", list = "the list is repeated" }

---@param status table of a method about playback
---@return string
local function in_words(status)
  if status.state == "stopped" then
    return "nothing plays"
  end
  local icons = require("lofi.config").get().statusline.icons
  local playing = require("lofi.state").get().playing
  local prompt = playing and playing.track_id == status.track_id and playing.prompt
  local next = status.skipping and ", the next piece is being made" or ""
  return ("%s %s%s"):format(icons[status.state] or icons.playing, prompt or status.track_id, next)
end

local played = on_success(function(status)
  notify.echo(in_words(status))
end)

local tell_volume = on_success(function(status)
  notify.say(("volume %d %%"):format(math.floor(status.volume * 100 + 0.5)))
end)

local tell_place = on_success(function(status)
  local place = status.state ~= "stopped" and " " .. words.clock(status.position_sec) or ""
  notify.echo(in_words(status) .. place)
end)

local tell_crossfade = on_success(function(status)
  local sec = status.crossfade_sec
  notify.say(
    sec > 0 and ("tracks fade into each other for %g s"):format(sec) or "tracks follow without a fade"
  )
end)

local tell_loop = on_success(function(status)
  notify.say(LOOPS[status.loop])
end)

---A function that changes a value by steps. None is lost: keys are pressed faster than the broker answers.
---@param change fun(status: table, step: number, done: lofi.Callback) `step`: the sum of those that waited
---@param tell lofi.Callback
---@return fun(step: number)
local function stepper(change, tell)
  local steps, changing = 0, false
  local function take_steps()
    changing = steps ~= 0
    if not changing then
      return
    end
    require("lofi").playback(function(err, status)
      local step = steps
      steps = 0
      if err then
        changing = false
        notify.error(err)
        return
      end
      change(status, step, function(problem, result)
        tell(problem, result)
        take_steps()
      end)
    end)
  end
  return function(step)
    steps = steps + step
    if not changing then
      take_steps()
    end
  end
end

local change_volume = stepper(function(status, percent, done)
  local wanted = math.floor(status.volume * 100 + 0.5) + percent
  require("lofi").volume(math.max(0, math.min(100, wanted)) / 100, done)
end, tell_volume)

local change_place = stepper(function(status, sec, done)
  if status.state == "stopped" then
    done(nil, status)
  else
    require("lofi").seek(math.max(0, status.position_sec + sec), done)
  end
end, tell_place)

---@param sub string
---@param expected string
---@param parsed lofi.Parsed
local function refuse(sub, expected, parsed)
  local got = ("%s: expected %s, got %s"):format(sub, expected, parsed.text)
  local recovery = ("`:Lofi generate %s %s` makes a track of the words."):format(sub, parsed.text)
  notify.error({ message = got, recovery = #parsed.words > 1 and recovery or nil })
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
  require("lofi.known").resolve(parsed.words, "tracks", on_success(meant))
end

function M.subcommands.pause()
  require("lofi").pause(played)
end

function M.subcommands.resume()
  require("lofi").resume(played)
end

function M.subcommands.toggle()
  require("lofi").toggle(played)
end

function M.subcommands.stop()
  require("lofi").stop(played)
end

function M.subcommands.next()
  require("lofi").skip(played)
end

function M.subcommands.previous()
  require("lofi").previous(played)
end

function M.subcommands.seek(parsed)
  local sign, sec = parse.place(parsed.text)
  if sec == nil then
    refuse("seek", "a place such as 1:20 or 80, or steps such as +10 and -10", parsed)
  elseif sign == "" then
    require("lofi").seek(sec, tell_place)
  else
    change_place(sign == "-" and -sec or sec)
  end
end

function M.subcommands.volume(parsed)
  local sign, number = parsed.text:match("^([+-]?)(%d+)%%?$")
  if parsed.text == "" then
    require("lofi").volume(nil, tell_volume)
  elseif number == nil or tonumber(number) > 100 then
    refuse("volume", "a percentage from 0 to 100, or +5", parsed)
  elseif sign == "" then
    require("lofi").volume(tonumber(number) / 100, tell_volume)
  else
    change_volume(tonumber(sign .. number))
  end
end

function M.subcommands.crossfade(parsed)
  local sec = tonumber(parsed.text:match("^(%d+%.?%d*)s?$"))
  if parsed.text ~= "" and (sec == nil or sec > 12) then
    refuse("crossfade", "seconds from 0 to 12", parsed)
  else
    require("lofi").crossfade(sec, tell_crossfade)
  end
end

function M.subcommands.loop(parsed)
  if parsed.text ~= "" and not LOOPS[parsed.text] then
    refuse("loop", "off, track or list", parsed)
  else
    require("lofi").loop(parsed.text ~= "" and parsed.text or nil, tell_loop)
  end
end

function M.subcommands.device(parsed)
  require("lofi.playing").device(parsed.text)
end

function M.subcommands.playlist(parsed)
  if parsed.text == "clear" then
    require("lofi").playlist_clear(on_success(function(status)
      notify.echo(status.count > 0 and "nothing comes after what plays" or "the list is empty")
    end))
  elseif parsed.text ~= "" then
    refuse("playlist", "clear, or nothing", parsed)
  else
    require("lofi.playing").list()
  end
end

---Add tracks to the end of the list, and tell so.
---@param ids string[]
function M.add(ids)
  local function added(status)
    local many = #ids == 1 and "1 track is added" or ("%d tracks are added"):format(#ids)
    notify.say(("%s, %d in the list"):format(many, status.count))
  end
  require("lofi").playlist_add({ track_ids = ids }, on_success(added))
end

---Without ids, the newest track of the library.
function M.subcommands.add(parsed)
  if #parsed.words > 0 then
    require("lofi.known").resolve(parsed.words, "tracks", on_success(M.add))
  else
    require("lofi.known").newest(on_success(function(track_id)
      M.add({ track_id })
    end))
  end
end

return M
