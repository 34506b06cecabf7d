local statusline = require("lofi.statusline")

describe("statusline", function()
  local state, icons

  before_each(function()
    icons = {
      generating = "♪",
      playing = "▶",
      paused = "‖",
      waiting = "◌",
      radio = "∞",
      downloading = "↓",
      ellipsis = "…",
    }
    state = { queue_length = 0 }
    package.loaded["lofi.state"] = {
      get = function()
        return state
      end,
    }
    package.loaded["lofi.config"] = {
      get = function()
        return { statusline = { icons = icons, prompt_width = 12 } }
      end,
    }
  end)

  after_each(function()
    package.loaded["lofi.state"], package.loaded["lofi.config"] = nil, nil
  end)

  it("is empty when nothing happens, and before anything has", function()
    assert.equal("", statusline.component())
    package.loaded["lofi.state"] = nil
    assert.equal("", statusline.component())
  end)

  it("tells what is made, how far it is, and how many wait", function()
    state.generating = { track_id = "t", prompt = "rainy night, mellow rhodes", percent = 45 }
    assert.equal("♪ 45% rainy night…", statusline.component())
    state.queue_length = 2
    assert.equal("♪ 45% rainy night… (2)", statusline.component())
  end)

  it("doubles the percent sign for a 'statusline' value", function()
    state.generating = { track_id = "t", prompt = "100% rain", percent = 45 }
    assert.equal("♪ 45%% 100%% rain", statusline.component({ escape = true }))
  end)

  it("tells what plays", function()
    state.playing = { track_id = "t", prompt = "dusty", position_sec = 65.2, paused = false }
    assert.equal("▶ 1:05 dusty", statusline.component())
    state.playing.paused = true
    assert.equal("‖ 1:05 dusty", statusline.component())
    state.playing.paused, state.playing.waiting = false, true
    assert.equal("◌ 1:05 dusty", statusline.component())
  end)

  it("tells that the radio plays, or is about to", function()
    state.radio = { state = "starting", prompt = "dusty" }
    assert.equal("∞ ◌ dusty", statusline.component())
    state.playing = { track_id = "t", prompt = "rain", position_sec = 5, paused = false }
    assert.equal("∞ ▶ 0:05 rain", statusline.component())
    state.radio.state = "failed"
    assert.equal("▶ 0:05 rain", statusline.component())
    state.playing = nil
    assert.equal("", statusline.component())
  end)

  it("tells that the model is being loaded, or fetched", function()
    state.generating = { track_id = "t", prompt = "dusty", percent = 0, model_state = "loading" }
    state.download = { model = "m", percent = 12 }
    assert.equal("♪ loading dusty ↓ 12% m", statusline.component())
  end)

  it("takes other icons", function()
    icons.generating, icons.ellipsis = "*", "..."
    state.generating = { track_id = "t", prompt = "rainy night, mellow rhodes", percent = 5 }
    assert.equal("* 5% rainy nig...", statusline.component())
  end)
end)
