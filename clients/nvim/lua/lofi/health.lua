--- `:checkhealth lofi`. Starts no broker, and works without one.

local M = {}

local VERSION_MS = 5000
local DOCTOR_MS = 15000
local TRACKS_MS = 5000
local DEVICES_MS = 15000
local SPEED_OF = 20

local INSTALLATION = "How it is installed: :help lofi-install"
local MORE = "What may be wrong: :help lofi-troubleshooting"

---@class lofi.health.Job
---@field wait fun(): vim.SystemCompleted

---@param command string[]
---@param timeout integer milliseconds
---@return lofi.health.Job
local function start(command, timeout)
  local env = { NO_COLOR = "1", PYTHONIOENCODING = "utf-8" }
  env = vim.tbl_extend("force", env, require("lofi.config").get().broker.env)
  local started, job = pcall(vim.system, command, { text = true, timeout = timeout, env = env })
  return {
    wait = function()
      if not started then
        return { code = 127, signal = 0, stdout = "", stderr = tostring(job) }
      end
      return job:wait()
    end,
  }
end

---@param done vim.SystemCompleted
---@return string
local function reason(done)
  if done.code == 124 then
    return "it did not end in time"
  end
  local lines = vim.split(vim.trim(done.stderr or ""), "\n")
  -- Python and its commands say what is wrong last, lofi's programs say first what and then what to do.
  local said = lines[1]:find("^Traceback") or lines[1]:find("^Usage")
  local words = lines[said and #lines or 1]
  return words ~= "" and words or ("it ended with code %d"):format(done.code)
end

local function editor()
  vim.health.start("lofi: editor")
  local version = tostring(vim.version())
  if vim.fn.has("nvim-0.10") == 1 then
    vim.health.ok("Neovim " .. version)
  else
    vim.health.error(("Neovim %s is too old"):format(version), "Use Neovim 0.10 or newer.")
  end
  local problem = require("lofi.config").problem()
  if problem then
    vim.health.error(problem, "Mend it in vim.g.lofi. All options: :help lofi-config")
  else
    vim.health.ok("configuration")
  end
end

---@param command string[]
---@param version lofi.health.Job of `command --version`
local function broker(command, version)
  vim.health.start("lofi: broker")
  vim.health.ok("command: " .. table.concat(command, " "))
  local done = version.wait()
  local number, protocol = (done.stdout or ""):match("^lofi (%S+), protocol (%d+)")
  local mine = require("lofi.rpc").PROTOCOL
  if done.code ~= 0 or not number then
    vim.health.error(("%s --version: %s"):format(command[1], reason(done)), { INSTALLATION, MORE })
  elseif tonumber(protocol) ~= mine then
    vim.health.error(
      ("version %s speaks protocol %s, this plugin protocol %d"):format(number, protocol, mine),
      "Bring plugin and installation to the same version: update one, install the other again."
    )
  else
    vim.health.ok(("version %s, protocol %s"):format(number, protocol))
  end
end

---@param doctor lofi.health.Job of `lofi doctor --json`
---@return boolean running whether a broker runs
local function installation(doctor)
  vim.health.start("lofi: installation")
  local done = doctor.wait()
  local read, report = pcall(vim.json.decode, done.stdout or "")
  if not read or type(report) ~= "table" or not report.checks then
    vim.health.error("lofi doctor --json: " .. reason(done), { INSTALLATION, MORE })
    return false
  end
  local running = false
  for _, check in ipairs(report.checks) do
    local advice = check.advice ~= "" and check.advice or nil
    if not check.ok then
      vim.health.error(check.what, advice)
    elseif advice then
      vim.health.warn(check.what, advice)
    else
      vim.health.ok(check.what)
    end
    running = running or (check.name == "broker" and check.ok and check.what:find("running, pid") ~= nil)
  end
  return running
end

--- Seconds of music per second of work, over the given tracks.
---@param tracks lofi.Track[]
---@return number? times nil where nothing was measured
---@return integer of how many tracks
function M.speed(tracks)
  local music, work, count = 0, 0, 0
  for _, track in ipairs(tracks) do
    if type(track.generation_time_sec) == "number" and track.generation_time_sec > 0 then
      music, work, count = music + track.duration_sec, work + track.generation_time_sec, count + 1
    end
  end
  return count > 0 and music / work or nil, count
end

---@param lofi string[]
---@param running boolean whether a broker runs
local function speed(lofi, running)
  vim.health.start("lofi: speed")
  if not running then
    vim.health.info("not known: no broker runs, and none is started for this")
    return
  end
  local command = vim.list_extend({}, lofi)
  vim.list_extend(command, { "tracks", "list", "--limit", tostring(SPEED_OF), "--json" })
  local done = start(command, TRACKS_MS).wait()
  if done.code ~= 0 then
    vim.health.warn("lofi tracks list: " .. reason(done), MORE)
    return
  end
  local tracks = {}
  for line in vim.gsplit(done.stdout or "", "\n", { trimempty = true }) do
    local read, track = pcall(vim.json.decode, line)
    if not read or type(track) ~= "table" then
      vim.health.warn(
        "lofi tracks list --json printed something else: " .. require("lofi.words").short(line, 60),
        MORE
      )
      return
    end
    tracks[#tracks + 1] = track
  end
  local times, count = M.speed(tracks)
  if times then
    local over = count == 1 and "the last track" or ("the last %d tracks"):format(count)
    vim.health.ok(("%.1f s of music per second, over %s"):format(times, over))
  else
    vim.health.info("not known: no track was made yet")
  end
end

---Where the keys of a keyboard for music are told.
local function session_bus()
  if vim.fn.has("linux") == 0 then
    return
  end
  local folder = vim.env.XDG_RUNTIME_DIR
  local socket = folder and folder .. "/bus"
  if vim.env.DBUS_SESSION_BUS_ADDRESS or (socket and vim.uv.fs_stat(socket)) then
    vim.health.ok("session bus: media keys work while music plays")
  else
    vim.health.info("no session bus: media keys are not told to lofi")
  end
end

---@param lofi string[]
---@param running boolean whether a broker runs
local function playing(lofi, running)
  vim.health.start("lofi: playing")
  session_bus()
  if not running then
    vim.health.info("sound devices: not asked for, no broker runs, and none is started for this")
    return
  end
  local done =
    start(vim.list_extend(vim.list_slice(lofi), { "player", "devices", "--json" }), DEVICES_MS).wait()
  local read, found = pcall(vim.json.decode, done.stdout or "")
  if done.code ~= 0 or not read or type(found) ~= "table" or not found.devices then
    vim.health.warn(
      "sound devices: " .. reason(done),
      "Tracks are made all the same; only playing needs one."
    )
    return
  end
  for _, device in ipairs(found.devices) do
    local chosen = device.name == found.current and ", chosen" or ""
    local default = device.default and ", the default one" or ""
    vim.health.ok(("sound device: %s%s%s"):format(device.name, default, chosen))
  end
end

local function integrations()
  vim.health.start("lofi: optional plugins")
  for _, backend in ipairs(require("lofi.progress.backends").list()) do
    local words = ("progress %q: %s"):format(backend.name, backend.there and "there" or "not there")
    vim.health.info(backend.there and words or ("%s, needs %s"):format(words, backend.needs))
  end
  for _, picker in ipairs(require("lofi.picker").list()) do
    vim.health.info(("picker %q: %s"):format(picker.name, picker.there and "there" or "not there"))
  end
end

--- Everything that must be right, in the order in which one thing needs the other.
function M.check()
  editor()
  local command, problem = require("lofi.broker").find()
  if not command then
    vim.health.start("lofi: broker")
    local find = require("lofi.find")
    local wanted = require("lofi.config").get().broker.cmd
    local other = wanted ~= nil and find.broker(nil) -- a wrong option hides what is installed
    local advice = other and ("Unset broker.cmd: there is one in %s."):format(vim.fs.dirname(other[1]))
    vim.health.error(problem, { advice or find.install_words(), INSTALLATION })
  else
    -- Both take a moment to start: they do it at the same time.
    local version = start(vim.list_extend(vim.list_slice(command), { "--version" }), VERSION_MS)
    local lofi = require("lofi.cli").beside(command)
    local doctor = lofi and start(vim.list_extend(vim.list_slice(lofi), { "doctor", "--json" }), DOCTOR_MS)
    broker(command, version)
    if lofi then
      local running = installation(doctor)
      speed(lofi, running)
      playing(lofi, running)
    else
      vim.health.start("lofi: installation")
      vim.health.error("the lofi command isn't beside lofi-broker and not on PATH", INSTALLATION)
    end
  end
  integrations()
end

return M
