local items = require("lofi.progress.items")
local progress = require("lofi.progress")

local START = { track_id = "t1", mine = true, prompt = "rainy night", duration_sec = 30 }

---@param open table
---@param ... any events and their params, in turn
---@return string[] what is shown: "status percent message"
local function shown(open, ...)
  local lines, arguments = {}, { ... }
  for place = 1, #arguments, 2 do
    for _, item in ipairs(items.apply(open, arguments[place], arguments[place + 1])) do
      lines[#lines + 1] = ("%s %s %s"):format(item.status, item.percent or "-", item.message)
    end
  end
  return lines
end

describe("progress of a track", function()
  it("goes from its start to its end, which closes it", function()
    local open = {}
    local lines = shown(
      open,
      "start",
      START,
      "progress",
      { track_id = "t1", mine = true, percent = 45, eta_sec = 11.2 },
      "complete",
      { track_id = "t1", mine = true, prompt = "rainy night", duration_sec = 30, generation_time_sec = 2.13 }
    )
    assert.same({
      "running 0 rainy night",
      "running 45 rainy night · 12 s left",
      "success 100 rainy night · 30 s made in 2.1 s",
    }, lines)
    assert.same({}, open)
  end)

  it("ends in the words of its error, with what to do", function()
    local open = {}
    items.apply(open, "start", START)
    local failed = {
      track_id = "t1",
      mine = true,
      code = "MODEL_INFERENCE_FAILED",
      message = "out of memory",
      recovery = "Try less.",
    }
    local item = items.apply(open, "error", failed)[1]
    assert.same(
      { "failed", "rainy night: out of memory", "Try less." },
      { item.status, item.message, item.recovery }
    )
    assert.same({}, open)
  end)

  it("says that it is cancelled, but not of one that never ran", function()
    local cancelled = { track_id = "t1", mine = true, code = "GENERATION_CANCELLED", message = "cancelled" }
    assert.same({ "cancel - rainy night · cancelled" }, { shown({}, "start", START, "error", cancelled)[2] })
    assert.same({}, shown({}, "error", cancelled))
  end)

  it("is not told of one that somebody else asked for", function()
    assert.same({}, shown({}, "start", { track_id = "t2", prompt = "a batch", duration_sec = 30 }))
  end)

  it("ends once it has begun, whoever asked for it", function()
    local open = {}
    items.apply(open, "start", START)
    local made = { track_id = "t1", prompt = "rainy night", duration_sec = 30, generation_time_sec = 2 }
    assert.same({ "success 100 rainy night · 30 s made in 2 s" }, shown(open, "complete", made))
    assert.same({}, open)
  end)

  it("is kept where another broker is started", function()
    local open = {}
    items.apply(open, "start", START)
    local told = "cancel - rainy night · kept: the next broker goes on with it"
    assert.same({ told }, shown(open, "disconnected", { restarts = true }))
  end)

  it("goes on with its prompt after the broker was lost", function()
    local open = {}
    items.apply(open, "start", START)
    items.apply(open, "disconnected", {})
    local half = { track_id = "t1", mine = true, prompt = "rainy night", percent = 50 }
    assert.same({ "running 50 rainy night" }, shown(open, "progress", half))
  end)

  it("ends with the broker", function()
    local open = {}
    items.apply(open, "start", START)
    assert.same({ "cancel - rainy night · the broker ended" }, shown(open, "disconnected", {}))
    assert.same({}, open)
  end)
end)

describe("progress of playback", function()
  it("is its failures", function()
    local ended = { event = "ended", track_id = "t1", reason = "failed", message = "t1 can't be read" }
    assert.same({ "failed - t1 can't be read" }, shown({}, "playback", ended))
    ended.reason = "finished"
    assert.same({}, shown({}, "playback", ended))
  end)
end)

describe("progress of a model", function()
  it("is loaded", function()
    local lines = shown(
      {},
      "model",
      { model = "m", state = "loading" },
      "model",
      { model = "m", state = "ready", load_sec = 12 }
    )
    assert.same({ "running - loading m", "success - m · loaded in 12 s" }, lines)
  end)

  it("is not told of when nobody saw it begin", function()
    assert.same({}, shown({}, "model", { model = "m", state = "ready" }))
    assert.same({}, shown({}, "model", { model = "m", state = "unloaded" }))
    assert.same({}, shown({}, "model", { model = "m", state = "removed" }))
  end)

  it("is downloaded, imported and installed in one line", function()
    local open = {}
    local lines = shown(
      open,
      "model",
      { model = "m", state = "asking", host = "hub", failures = 1 },
      "download",
      { model = "m", bytes_downloaded = 1.5e9, bytes_total = 3e9 },
      "model",
      { model = "m", state = "installing", stage = "weights", done = 3, total = 4 },
      "model",
      { model = "m", state = "installed" }
    )
    assert.same({
      "running - m · asking hub · try 2",
      "running 50 m · 1.5 GB of 3.0 GB",
      "running 75 m · weights",
      "success 100 m · installed",
    }, lines)
    assert.same({}, open)
  end)

  it("says why it can't be installed", function()
    local item = items.apply({}, "model", {
      model = "m",
      state = "install_failed",
      error = { message = "no network", recovery = "Try again." },
    })[1]
    assert.same({ "failed", "m can't be installed: no network", "Try again." }, {
      item.status,
      item.message,
      item.recovery,
    })
  end)
end)

describe("the pace", function()
  local seen, pacer

  ---@param interval_ms integer
  local function with_pace(interval_ms)
    seen = {}
    pacer = progress.pacer({
      name = "double",
      interval_ms = interval_ms,
      show = function(batch)
        seen[#seen + 1] = vim.tbl_map(function(item)
          return item.message
        end, batch)
      end,
    })
  end

  ---@param message string
  ---@param status? string
  ---@param more? table
  local function push(message, status, more)
    local item = { id = "t1", message = message, status = status or "running" }
    pacer:push(vim.tbl_extend("force", item, more or {}))
  end

  ---@param count integer of batches
  local function wait_for(count)
    assert(vim.wait(5000, function()
      return #seen >= count
    end, 5))
  end

  it("shows the first at once and of the rest the last", function()
    with_pace(30)
    push("1")
    push("2")
    push("3")
    assert.same({ { "1" } }, seen)
    wait_for(2)
    assert.same({ { "1" }, { "3" } }, seen)
  end)

  it("shows an end once, and nothing of the same after it", function()
    with_pace(30)
    push("1")
    push("2")
    push("end", "success")
    push("other", "running", { id = "t2" })
    wait_for(2)
    vim.wait(100)
    assert.same({ { "1" }, { "end", "other" } }, seen)
  end)

  it("does not show what is over before it is worth a line", function()
    with_pace(10)
    push("loading", "running", { patient = true })
    push("loaded", "success")
    push("next", "running", { id = "t2" })
    wait_for(1)
    assert.same({ { "next" } }, seen)
  end)

  it("shows what takes long", function()
    with_pace(10)
    push("loading", "running", { patient = true })
    wait_for(1)
    push("loaded", "success")
    wait_for(2)
    assert.same({ { "loading" }, { "loaded" } }, seen)
  end)
end)
