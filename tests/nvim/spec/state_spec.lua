local state = require("lofi.state")

local function after(...)
  local now = state.new()
  for _, step in ipairs({ ... }) do
    state.reduce(now, step[1], step[2])
  end
  return now
end

local START = { "start", { track_id = "a", prompt = "rain", duration_sec = 20 } }
local SECOND = { "start", { track_id = "b", prompt = "snow", duration_sec = 20 } }
local HALF = { "progress", { track_id = "a", percent = 50, eta_sec = 2.5 } }

describe("a track", function()
  it("is in the making from its start to its end", function()
    assert.same(
      { track_id = "a", prompt = "rain", duration_sec = 20, percent = 50, eta_sec = 2.5 },
      after(START, HALF).generating
    )
    local done = after(START, HALF, { "complete", { track_id = "a", path = "/a.wav" } })
    assert.is_nil(done.generating)
    assert.equal("/a.wav", done.last_complete.path)
  end)

  it("begins anew when its worker died", function()
    assert.equal(0, after(START, HALF, START).generating.percent)
    assert.equal(1, #after(START, HALF, START).jobs)
  end)

  it("that fails leaves its error, one that is cancelled does not", function()
    local failed = { "error", { track_id = "a", code = "MODEL_LOAD_FAILED", message = "m", recovery = "r" } }
    assert.same(
      { name = "MODEL_LOAD_FAILED", message = "m", recovery = "r" },
      after(START, failed).last_error
    )
    local cancelled = { "error", { track_id = "a", code = "GENERATION_CANCELLED", message = "m" } }
    assert.is_nil(after(START, cancelled).last_error)
    assert.is_nil(after(START, cancelled).generating)
  end)

  it("is shown in turn with others", function()
    assert.equal("a", after(START, SECOND).generating.track_id)
    assert.equal("b", after(START, SECOND, { "complete", { track_id = "a" } }).generating.track_id)
  end)

  it("waits while its model is loaded", function()
    local loading = { "model", { model = "m", state = "loading" } }
    assert.equal("loading", after(START, loading).generating.model_state)
    assert.is_nil(after(START, loading, { "model", { model = "m", state = "ready" } }).generating.model_state)
    assert.is_nil(after(START, loading, HALF).generating.model_state)
  end)
end)

describe("the queue", function()
  local queued = { "queued", { track_id = "b", status = "queued", position = 0 } }

  it("grows by answers and shrinks by starts", function()
    assert.equal(1, after(START, queued).queue_length)
    assert.equal(1, after(START, queued, queued).queue_length)
    assert.equal(0, after(START, queued, SECOND).queue_length)
    assert.equal(0, after(queued, { "error", { track_id = "b", code = "X", message = "" } }).queue_length)
  end)

  it("does not count what is in the making already", function()
    assert.equal(0, after(SECOND, queued).queue_length)
  end)

  it("counts what is made again", function()
    assert.equal(1, after(SECOND, { "complete", { track_id = "b" } }, queued).queue_length)
  end)

  it("is as the broker says", function()
    local answer = {
      current = { track_id = "c", prompt = "sea", percent = 30 },
      pending = { { track_id = "d", prompt = "x", position = 0 } },
    }
    local now = after(queued, { "queue_status", answer })
    assert.same({ "d" }, now.pending)
    assert.same({ track_id = "c", prompt = "sea", percent = 30 }, now.generating)
    assert.is_nil(after(START, { "queue_status", { pending = {} } }).generating)
  end)
end)

describe("a lost connection", function()
  it("leaves nothing but the reason", function()
    local gone = { "disconnected", { name = "BROKER_UNAVAILABLE", message = "killed", recovery = "" } }
    local now = after({ "connected", { version = "1" } }, START, gone)
    assert.is_false(now.connected)
    assert.is_nil(now.generating)
    assert.equal("killed", now.last_error.message)
    assert.same({}, now.jobs)
  end)
end)

describe("playback", function()
  local started = {
    "playback",
    { event = "started", track_id = "a", prompt = "rain", index = 0, count = 2, duration_sec = 9 },
  }
  local at = { "playback", { event = "position", track_id = "a", position_sec = 4, duration_sec = 9 } }

  it("is followed", function()
    local playing = after(started, at).playing
    assert.equal("rain", playing.prompt)
    assert.equal(4, playing.position_sec)
    assert.is_false(playing.paused)
    assert.is_true(after(started, { "playback", { event = "paused", track_id = "a" } }).playing.paused)
    local ended = { "playback", { event = "ended", track_id = "a", reason = "finished" } }
    assert.is_nil(after(started, ended).playing)
  end)

  it("keeps the prompt when its state is asked for", function()
    local answer = {
      state = "paused",
      track_id = "a",
      position_sec = 5,
      duration_sec = 9,
      index = 0,
      count = 2,
      volume = 0.3,
    }
    local now = after(started, { "playback_status", answer })
    assert.equal("rain", now.playing.prompt)
    assert.is_true(now.playing.paused)
    assert.equal(0.3, now.volume)
    assert.is_nil(after(started, { "playback_status", { state = "stopped", volume = 0.3 } }).playing)
  end)
end)

describe("a track that is played while it is made", function()
  local waiting = { "playback", { event = "waiting", track_id = "a", position_sec = 0, duration_sec = 9 } }
  local begun = { "start", { track_id = "a", prompt = "rain", duration_sec = 9 } }
  local resumed = { "playback", { event = "resumed", track_id = "a", position_sec = 4, duration_sec = 9 } }

  it("has its prompt before it has a sound", function()
    local playing = after(begun, waiting).playing
    assert.is_true(playing.waiting)
    assert.is_false(playing.paused)
    assert.equal("rain", playing.prompt)
    assert.equal(9, playing.duration_sec)
  end)

  it("waits no longer when it sounds", function()
    assert.is_false(after(begun, waiting, resumed).playing.waiting)
    local started = { "playback", { event = "started", track_id = "a", prompt = "rain", duration_sec = 9 } }
    assert.is_false(after(waiting, started).playing.waiting)
    assert.is_true(after(waiting, started, waiting).playing.waiting)
  end)

  it("is known by the broker's answer", function()
    local answer = { state = "waiting", track_id = "a", position_sec = 0, duration_sec = 9, volume = 0.3 }
    assert.is_true(after({ "playback_status", answer }).playing.waiting)
  end)

  it("is no matter of events that a newer broker may tell", function()
    assert.is_nil(after({ "playback", { event = "rewound", track_id = "a" } }).playing)
  end)
end)

describe("the radio", function()
  local on = { "radio", { state = "playing", prompt = "rain", making = "a" } }
  local begun = { "start", { track_id = "a", prompt = "rain", duration_sec = 9 } }

  it("makes pieces that are nobody's track", function()
    assert.is_nil(after(on, begun).generating)
    assert.is_nil(after(begun, on).generating)
    assert.equal("b", after(on, begun, SECOND).generating.track_id)
    local on_to_the_next = { "radio", { state = "playing", prompt = "rain", making = "c" } }
    assert.is_nil(after(on, begun, on_to_the_next).generating)
  end)

  it("is known while it is on", function()
    assert.equal("rain", after(on).radio.prompt)
    assert.is_nil(after(on, { "radio", { state = "off", prompt = "" } }).radio)
    assert.is_nil(after(on, { "disconnected", {} }).radio)
  end)
end)

describe("a download", function()
  it("is known until the model is there", function()
    local download = { "download", { model = "m", bytes_downloaded = 50, bytes_total = 200 } }
    assert.same({ model = "m", percent = 25 }, after(download).download)
    assert.is_nil(after(download, { "model", { model = "m", state = "installed" } }).download)
  end)
end)
