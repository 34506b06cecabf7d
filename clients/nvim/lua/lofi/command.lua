--- `:Lofi`: what each subcommand does.
local M = {}

local parse = require("lofi.parse")

local STEP_PERCENT = 5

---@param words string
local function say(words)
  require("lofi.notify").say(words)
end

---@param err lofi.Error
local function tell(err)
  require("lofi.notify").error(err)
end

---@param done string what to say after it
---@return lofi.Callback
local function saying(done)
  return function(err)
    if err then
      tell(err)
    else
      say(done)
    end
  end
end

---@param err lofi.Error?
---@param result any
---@param retry fun() to be done again once the model is there
local function generated(err, result, retry)
  if err and err.name == "DOWNLOAD_CONSENT_REQUIRED" then
    require("lofi.models").offer(err, retry)
  elseif err then
    tell(err)
  elseif result.status == "complete" then
    say(("made before: %s"):format(result.path))
  elseif result.position and result.position > 0 then
    say(("%d before it"):format(result.position))
  end
end

---@param params lofi.GenerateOptions
local function generate(params)
  require("lofi").generate(params, function(err, result)
    generated(err, result, function()
      generate(params)
    end)
  end)
end

---@param options table
local function again(options)
  require("lofi").again(options, function(err, result)
    generated(err, result, function()
      again(options)
    end)
  end)
end

---Ask for a prompt, and make it.
---@param options table? of `generate`, where the answer says nothing else
function M.ask_for_prompt(options)
  vim.ui.input({ prompt = "Prompt: " }, function(text)
    if text == nil or not text:find("%S") then
      return
    end
    local parsed = parse.parse("generate " .. text)
    if parsed.problem then
      tell({ message = parsed.problem })
      return
    end
    local wanted = vim.tbl_extend("force", options or {}, parsed.options)
    if parsed.prompt == "" then
      M.ask_for_prompt(wanted)
    else
      generate(vim.tbl_extend("force", wanted, { prompt = parsed.prompt }))
    end
  end)
end

---What was selected, or the lines of the range.
---@param call {range: integer, line1: integer, line2: integer}
---@return string
local function selection(call)
  if call.range == 0 then
    return ""
  end
  local from, to = vim.fn.getpos("'<"), vim.fn.getpos("'>")
  local lines
  if call.range == 2 and from[2] == call.line1 and to[2] == call.line2 then
    lines = vim.fn.getregion(from, to, { type = vim.fn.visualmode() })
  else
    lines = vim.api.nvim_buf_get_lines(0, call.line1 - 1, call.line2, false)
  end
  return vim.trim((table.concat(lines, " "):gsub("%s+", " ")))
end

---@param percent number? nil says what it is
---@param done fun()? called after the answer
local function volume(percent, done)
  require("lofi").volume(percent and percent / 100, function(err, result)
    if err then
      tell(err)
    else
      say(("volume %d %%"):format(math.floor(result.volume * 100 + 0.5)))
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
      tell(err)
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

---@param err lofi.Error?
---@param result table? of a method about playback
local function played(err, result)
  if err then
    tell(err)
    return
  end
  local words = "nothing plays"
  if result and result.state ~= "stopped" then
    local icons = require("lofi.config").get().statusline.icons
    local icon = result.state == "paused" and icons.paused or icons.playing
    local playing = require("lofi.state").get().playing
    local prompt = playing and playing.track_id == result.track_id and playing.prompt
    words = ("%s %s"):format(icon, prompt or result.track_id)
  end
  require("lofi.notify").echo(words)
end

function M.play_pause()
  local playing = require("lofi.state").get().playing
  if playing and not playing.paused then
    require("lofi").pause(played)
  else
    require("lofi").play(nil, played)
  end
end

---@type table<string, fun(parsed: lofi.Parsed, call: table)>
local subcommands = {}

subcommands[""] = function()
  require("lofi.show").status()
end

function subcommands.generate(parsed, call)
  local text = vim.trim(selection(call) .. " " .. parsed.prompt)
  if text ~= "" then
    generate(vim.tbl_extend("force", parsed.options, { prompt = text }))
  elseif call.bang then
    again(parsed.options)
  elseif call.range > 0 then
    tell({ message = "the selection is empty", recovery = "Select the words of a prompt." })
  else
    M.ask_for_prompt(parsed.options)
  end
end

function subcommands.queue()
  require("lofi.show").queue()
end

function subcommands.cancel(parsed)
  local function cancel(track_id)
    require("lofi").cancel(track_id, function(err, result)
      if err then
        tell(err)
      elseif result.status ~= "cancelled" then
        say("too late: the track is finished")
      end
    end)
  end
  if parsed.words[1] then
    require("lofi.known").resolve({ parsed.words[1] }, "queue", function(err, ids)
      if err then
        tell(err)
      else
        cancel(ids[1])
      end
    end)
  else
    require("lofi.show").choose_job("Cancel", cancel, true)
  end
end

function subcommands.clear()
  require("lofi").clear_queue(function(err, result)
    if err then
      tell(err)
    else
      say(("%d waiting tracks were cancelled"):format(result.cancelled))
    end
  end)
end

function subcommands.tracks(parsed)
  require("lofi.picker").tracks({ query = table.concat(parsed.words, " ") })
end

function subcommands.prompts()
  require("lofi.picker").prompts({})
end

function subcommands.play(parsed)
  if #parsed.words == 0 then
    require("lofi").play(nil, played)
    return
  end
  require("lofi.known").resolve(parsed.words, "tracks", function(err, ids)
    if err then
      tell(err)
    else
      require("lofi").play(ids, played)
    end
  end)
end

function subcommands.pause()
  require("lofi").pause(played)
end

function subcommands.resume()
  require("lofi").resume(played)
end

function subcommands.stop()
  require("lofi").stop(played)
end

function subcommands.next()
  require("lofi").skip(played)
end

function subcommands.volume(parsed)
  local word = parsed.words[1]
  local sign, number = (word or ""):match("^([+-]?)(%d+)%%?$")
  if word == nil then
    volume()
  elseif #parsed.words > 1 or number == nil or tonumber(number) > 100 then
    local words = ("volume: expected a percentage from 0 to 100, or +%d, got %s"):format(
      STEP_PERCENT,
      table.concat(parsed.words, " ")
    )
    tell({ message = words })
  elseif sign == "" then
    volume(tonumber(number))
  else
    change_volume(tonumber(sign .. number))
  end
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
    lofi.restart(saying("the broker was started again"))
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
    tell({ message = parsed.problem })
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
  local sub = arguments:match("^%s*(%S+)%s")
  local kind = sub and (parse.SUBCOMMANDS[sub] or "prompt")
  local known = require("lofi.known")
  return parse.candidates(arguments, {
    tracks = kind == "tracks" and known.tracks() or {},
    jobs = kind == "job" and known.jobs() or {},
    models = (kind == "model" or (kind == "prompt" and arguments:find("model=%S*$"))) and known.models()
      or {},
  })
end

return M
